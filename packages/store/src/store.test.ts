import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { createCodec, digestOf } from '@gantry/codec'
import { ImageError, readerOf } from '@gantry/image'
import { encodeJson, MediaType, parseManifest } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import { openState } from '@gantry/state'
import { compressedView, openStore, storeMigrations } from './index.ts'
import type { CompressedView, Store } from './index.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-store-'))
const codec = createCodec()
const opened: AsyncDisposable[] = []
after(async () => {
  for (const each of opened) await each[Symbol.asyncDispose]()
  await codec.close()
  rmSync(directory, { recursive: true, force: true })
})

let count = 0
async function freshStore(root = join(directory, String((count += 1)))): Promise<Store> {
  const state = openState(join(root, 'state.db'), [storeMigrations])
  const store = await openStore({ root: join(root, 'content'), state, codec })
  opened.push({
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      state[Symbol.dispose]()
    },
  })
  return store
}

const big = Buffer.alloc(2_500_000, 'layer ')
const codeIs = (code: string) => (error: unknown) => error instanceof Error && 'code' in error && error.code === code
const describeAs = (bytes: Uint8Array, mediaType: string = MediaType.layerTar): Descriptor => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.length,
})

async function read(
  store: Pick<Store, 'open'>,
  descriptor: Descriptor,
  range?: { start: number; end?: number },
): Promise<Buffer> {
  await using reader = await store.open(descriptor, range === undefined ? {} : { range })
  const parts: Uint8Array[] = []
  for await (const part of reader) parts.push(part)
  return Buffer.concat(parts)
}

async function putBytes(store: Store, bytes: Uint8Array, mediaType?: string): Promise<Descriptor> {
  const descriptor = describeAs(bytes, mediaType)
  await store.put(descriptor, readerOf(bytes))
  return descriptor
}

async function putImage(
  store: Store,
  seed: string,
  layerBytes: Uint8Array = Buffer.from(`layer ${seed}`),
): Promise<Descriptor> {
  const layer = await putBytes(store, layerBytes)
  const rootfs = { type: 'layers', diff_ids: [layer.digest] }
  const config = await putBytes(
    store,
    encodeJson({ architecture: 'amd64', os: 'linux', rootfs, author: seed }),
    MediaType.imageConfig,
  )
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    config,
    layers: [layer],
    annotations: { seed },
  }
  return putBytes(store, encodeJson(manifest), MediaType.imageManifest)
}

function age(store: Store, minutes = 600): void {
  const time = Date.now() / 1000 - minutes * 60
  for (const algorithm of readdirSync(join(store.root, 'blobs'))) {
    for (const name of readdirSync(join(store.root, 'blobs', algorithm)))
      utimesSync(join(store.root, 'blobs', algorithm, name), time, time)
  }
}

const blobCount = (store: Store): number => readdirSync(join(store.root, 'blobs/sha256')).length
const staged = (store: Store): string[] => readdirSync(join(store.root, 'ingest'))
const indexNames = (store: Store): (string | undefined)[] =>
  (JSON.parse(readFileSync(join(store.root, 'index.json'), 'utf8')) as { manifests: Descriptor[] }).manifests.map(
    (each) => each.annotations?.['org.opencontainers.image.ref.name'],
  )

describe('blobs', () => {
  for (const [name, bytes] of Object.entries({ empty: Buffer.alloc(0), small: Buffer.from('{}'), big })) {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      test(`an ${algorithm} blob that is ${name} comes back, whole and in part`, async () => {
        const store = await freshStore()
        const descriptor = { mediaType: 'text/plain', digest: digestOf(bytes, algorithm), size: bytes.length }
        assert.equal(await store.has(descriptor), false)
        await store.put(descriptor, readerOf(bytes))
        assert.equal(await store.has(descriptor), true)
        assert.equal(await store.has({ ...descriptor, size: bytes.length + 1 }), false)
        assert.ok((await read(store, descriptor)).equals(bytes))
        assert.ok((await read(store, descriptor, { start: 0, end: 1 })).equals(bytes.subarray(0, 1)))
        assert.ok((await read(store, descriptor, { start: bytes.length })).equals(Buffer.alloc(0)))
        assert.equal(statSync(store.path(descriptor.digest)).mode & 0o777, 0o644)
        assert.deepEqual(staged(store), [])
      })
    }
  }

  test('is not read again where it exists', async () => {
    const store = await freshStore()
    const descriptor = await putBytes(store, big)
    await store.put(descriptor, {
      [Symbol.asyncIterator]: () => assert.fail('the body was read'),
    })
  })

  test('ingest finds out the digest', async () => {
    const store = await freshStore()
    assert.deepEqual(await store.ingest(readerOf(big), { mediaType: 'a/b' }), describeAs(big, 'a/b'))
  })

  for (const [name, size, code] of [
    ['another digest', big.length, 'DIGEST_MISMATCH'],
    ['too many bytes', big.length - 1, 'SIZE_MISMATCH'],
    ['too few bytes', big.length + 1, 'SIZE_MISMATCH'],
  ] as const) {
    test(`a body with ${name} leaves nothing`, async () => {
      const store = await freshStore()
      const descriptor = { mediaType: 'a/b', digest: digestOf(Buffer.from('other')), size }
      await assert.rejects(store.put(descriptor, readerOf(big)), codeIs(code))
      assert.equal(blobCount(store), 0)
      assert.deepEqual(staged(store), [])
    })
  }

  test('a body that fails, and one that is aborted, leave nothing', async () => {
    const store = await freshStore()
    const controller = new AbortController()
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield big
      throw new Error('the line was cut')
    }
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield big
      controller.abort(new Error('enough'))
      await new Promise(() => undefined)
    }
    await assert.rejects(store.put(describeAs(big), failing()), /the line was cut/)
    await assert.rejects(store.put(describeAs(big), hanging(), { signal: controller.signal }), /enough/)
    assert.equal(blobCount(store), 0)
    assert.deepEqual(staged(store), [])
  })

  test('many puts of one blob at once all succeed', async () => {
    const store = await freshStore()
    await Promise.all(Array.from({ length: 8 }, () => store.put(describeAs(big), readerOf(big))))
    assert.equal(blobCount(store), 1)
    assert.ok((await read(store, describeAs(big))).equals(big))
  })

  test('a blob that was tampered with is found out when it is read', async () => {
    const store = await freshStore()
    const descriptor = await putBytes(store, big)
    const changed = Buffer.from(big)
    changed[1_000_000] = 0
    writeFileSync(store.path(descriptor.digest), changed)
    await assert.rejects(read(store, descriptor), codeIs('DIGEST_MISMATCH'))
    writeFileSync(store.path(descriptor.digest), big.subarray(0, 100))
    await assert.rejects(read(store, descriptor), codeIs('SIZE_MISMATCH'))
    await store.put(descriptor, readerOf(big))
    assert.ok((await read(store, descriptor)).equals(big), 'a put mends what has the wrong size')
  })

  test('an unknown blob', async () => {
    const store = await freshStore()
    await assert.rejects(store.open(describeAs(big)), codeIs('BLOB_UNKNOWN'))
    assert.equal(store.size(digestOf(big)), undefined)
    assert.equal(await store.delete(digestOf(big)), false)
  })
})

describe('staging', () => {
  test('with a key goes on in another process', async () => {
    const root = join(directory, 'keyed')
    const first = await freshStore(root)
    {
      await using staging = await first.stage({ key: 'abc-1' })
      await staging.write(big.subarray(0, 1_234_567))
      await staging.flush()
    }
    const second = await freshStore(root)
    await using staging = await second.stage({ key: 'abc-1' })
    assert.equal(staging.size, 1_234_567)
    await staging.write(big.subarray(1_234_567))
    await assert.rejects(staging.commit({ digest: digestOf(Buffer.from('x')) }), codeIs('DIGEST_MISMATCH'))
    assert.deepEqual(await staging.commit({ digest: digestOf(big, 'sha512') }), {
      digest: digestOf(big, 'sha512'),
      size: big.length,
    })
    assert.deepEqual(staged(second), [])
  })

  test('takes no key that is a path', async () => {
    const store = await freshStore()
    for (const key of ['', '../x', 'a/b', 'a.b', 'x'.repeat(129)]) await assert.rejects(store.stage({ key }), TypeError)
  })

  test('what a dead process left is removed, what a live one writes is not', async () => {
    const root = join(directory, 'abandoned')
    const store = await freshStore(root)
    await using live = await store.stage()
    await live.write(big)
    await live.flush()
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    writeFileSync(join(store.root, 'ingest', `999999999.1.${boot}-1-1`), 'left over')
    writeFileSync(join(store.root, 'ingest', 'upload-kept'), 'kept')
    await freshStore(root)
    assert.equal(staged(store).length, 2)
    assert.ok(existsSync(join(store.root, 'ingest/upload-kept')))
    assert.equal((await live.commit()).digest, digestOf(big))
  })

  test(
    'a full disk is one clear error and leaves nothing',
    { skip: process.getuid?.() === 0 ? false : 'mounting needs root' },
    async () => {
      const root = join(directory, 'full')
      mkdirSync(root)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', root])
      try {
        using state = openState(join(directory, 'full.db'), [storeMigrations])
        await using store = await openStore({ root: join(root, 'content'), state, codec })
        const bytes = Buffer.alloc(8_000_000, 'x')
        await assert.rejects(store.put(describeAs(bytes), readerOf(bytes)), codeIs('STORE_FULL'))
        await assert.rejects(store.ingest(readerOf(bytes), { mediaType: 'a/b' }), codeIs('STORE_FULL'))
        assert.equal(blobCount(store), 0)
        assert.deepEqual(staged(store), [])
        await putBytes(store, big)
      } finally {
        execFileSync('umount', [root])
      }
    },
  )
})

describe('names', () => {
  test('are given, moved and taken away, in short and in full', async () => {
    const store = await freshStore()
    const one = await putImage(store, 'one')
    const two = await putImage(store, 'two')
    await store.tag('localhost/app:1', one)
    await store.tag('alpine', one)
    await store.tag('localhost/app:1', two)
    assert.deepEqual(await store.resolve('localhost/app:1'), two)
    assert.deepEqual(await store.resolve('docker.io/library/alpine:latest'), one)
    assert.deepEqual(await store.resolve(one.digest), one)
    assert.equal(await store.resolve('nothing'), undefined)
    assert.deepEqual(
      store.names().map((each) => each.name),
      ['docker.io/library/alpine:latest', 'localhost/app:1'],
    )
    await store.flush()
    assert.deepEqual(indexNames(store), ['docker.io/library/alpine:latest', 'localhost/app:1'])
    assert.equal(store.untag('alpine'), true)
    assert.equal(store.untag('alpine'), false)
    await store.flush()
    assert.deepEqual(indexNames(store), ['localhost/app:1'])
  })

  test('are not given to what is not there', async () => {
    const store = await freshStore()
    await assert.rejects(
      store.tag('app', describeAs(big)),
      (error) => error instanceof ImageError && error.code === 'MANIFEST_UNKNOWN',
    )
    assert.deepEqual(store.names(), [])
  })

  test('an index.json that a crash left behind is mended by the next process', async () => {
    const root = join(directory, 'behind')
    const store = await freshStore(root)
    await store.tag('localhost/app', await putImage(store, 'a'))
    writeFileSync(join(store.root, 'index.json'), '')
    const again = await freshStore(root)
    assert.deepEqual(indexNames(again), ['localhost/app:latest'])
  })

  test('several processes lose nothing', async () => {
    const root = join(directory, 'several')
    const store = await freshStore(root)
    const image = await putImage(store, 'shared')
    const program = `
      import { createCodec } from '@gantry/codec'
      import { openState } from '@gantry/state'
      import { openStore, storeMigrations } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
      const state = openState(${JSON.stringify(join(root, 'state.db'))}, [storeMigrations])
      const store = await openStore({ root: ${JSON.stringify(store.root)}, state, codec: createCodec() })
      const number = process.argv[1]
      for (let i = 0; i < 10; i++) {
        await store.tag('localhost/app:' + number + '-' + i, ${JSON.stringify(image)})
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      await store.flush()`
    const children = ['a', 'b', 'c'].map((name) =>
      spawn(process.execPath, ['--input-type=module', '-e', program, name], {
        stdio: ['ignore', 'ignore', 'inherit'],
        cwd: import.meta.dirname,
      }),
    )
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]))
    assert.deepEqual(codes, [0, 0, 0])
    assert.equal(store.names().length, 30)
    assert.equal(indexNames(store).length, 30)
  })

  test('skopeo reads them', { skip: existsSync('/usr/bin/skopeo') ? false : 'skopeo is not installed' }, async () => {
    const store = await freshStore()
    const image = await putImage(store, 'skopeo')
    await store.tag('localhost/hello-node:latest', image)
    await store.flush()
    const output = execFileSync('skopeo', ['inspect', '--raw', `oci:${store.root}:localhost/hello-node:latest`])
    assert.equal(digestOf(output), image.digest)
  })
})

describe('gc', () => {
  test('removes what nothing leads to, and tells before', async () => {
    const store = await freshStore()
    const kept = await putImage(store, 'kept')
    await putImage(store, 'lost')
    await store.tag('localhost/kept', kept)
    age(store)
    const told = await store.gc({ dryRun: true })
    assert.equal(told.removed.length, 3)
    assert.equal(blobCount(store), 6)
    const done = await store.gc()
    assert.deepEqual(new Set(done.removed), new Set(told.removed))
    assert.equal(done.bytes, told.bytes)
    assert.equal(blobCount(store), 3)
    assert.equal((await store.reachable(kept)).size, 3)
  })

  test('keeps what is young, pinned, leased, or was looked for', async () => {
    const store = await freshStore()
    const pinned = await putImage(store, 'pinned')
    const leased = await putImage(store, 'leased')
    const wanted = await putBytes(store, Buffer.from('wanted'))
    age(store)
    const young = await putBytes(store, Buffer.from('young'))
    store.pin('container/1', pinned.digest)
    {
      await using lease = store.lease([])
      lease.add(leased.digest)
      assert.equal(await store.has(wanted), true)
      assert.deepEqual(await store.gc(), { removed: [], bytes: 0 })
    }
    assert.deepEqual(store.pinnedBy(pinned.digest), ['container/1'])
    store.unpin('container/1')
    assert.equal((await store.gc()).removed.length, 6)
    assert.equal(await store.has(young), true)
    assert.equal((await store.gc({ grace: 0 })).removed.length, 2)
  })

  test('a lease on what is new holds without a grace', async () => {
    const store = await freshStore()
    const lease = store.lease('new')
    await putImage(store, 'new')
    assert.equal((await store.gc({ grace: 0 })).removed.length, 0)
    await lease[Symbol.asyncDispose]()
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal((await store.gc({ grace: 0 })).removed.length, 3)
  })

  test('a lease that cannot be given up does not hide what it ends with', async () => {
    const state = openState(join(directory, String((count += 1)), 'state.db'), [storeMigrations])
    const store = await openStore({ root: join(directory, String(count), 'content'), state, codec })
    const work = async (): Promise<void> => {
      await using lease = store.lease('new', { ttl: 30 })
      lease.add(digestOf(big))
      state.db.exec('PRAGMA query_only = 1')
      // Long enough for a renewal, which fails as well.
      await new Promise((resolve) => setTimeout(resolve, 50))
      throw new ImageError('BLOB_UNKNOWN', 'what went wrong')
    }
    await assert.rejects(work(), codeIs('BLOB_UNKNOWN'))
    state[Symbol.dispose]()
  })

  test('looks only at what it is told to', async () => {
    const store = await freshStore()
    const one = await putImage(store, 'one')
    await putImage(store, 'two')
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal((await store.gc({ grace: 0, only: await store.reachable(one) })).removed.length, 3)
    assert.equal(blobCount(store), 3)
  })

  test('runs beside puts and tags without taking anything that was named', async () => {
    const store = await freshStore()
    const done = new AbortController()
    const collecting = (async () => {
      while (!done.signal.aborted) await store.gc({ grace: 1000 })
    })()
    for (let i = 0; i < 40; i++) {
      await store.tag(`localhost/app:${i}`, await putImage(store, `image ${i % 7}`))
      if (i % 3 === 0) store.untag(`localhost/app:${i}`)
      if (i % 10 === 0) age(store)
    }
    done.abort()
    await collecting
    for (const { name, descriptor } of store.names()) {
      for (const digest of await store.reachable(descriptor)) assert.ok(store.size(digest) !== undefined, name)
      assert.equal((await store.reachable(descriptor)).size, 3, name)
    }
  })
})

async function keep(store: Store, view: CompressedView): Promise<Digest> {
  return (await putBytes(store, await read(view.source, view.descriptor), MediaType.imageManifest)).digest
}

describe('compressedView', () => {
  test('compresses once, remembers, and keeps the config', async () => {
    const store = await freshStore()
    const image = await putImage(store, 'plain', big)
    const states: string[] = []
    const options = { onLayer: (_: Descriptor, state: string) => void states.push(state) }
    const view = await compressedView({ store, codec }, image, options)
    const again = await compressedView({ store, codec }, image, options)
    assert.deepEqual(again.descriptor, view.descriptor)
    assert.deepEqual(states, ['compressing', 'compressed'])
    const manifest = parseManifest(await read(view.source, view.descriptor))
    const before = parseManifest(await read(store, image))
    assert.deepEqual(manifest.config, before.config)
    assert.deepEqual(manifest.annotations, before.annotations)
    const layer = manifest.layers[0]
    assert.ok(layer !== undefined)
    assert.equal(layer.mediaType, MediaType.layerTarGzip)
    assert.ok(gunzipSync(await read(view.source, layer)).equals(big))
    await store.delete(layer.digest)
    assert.ok(gunzipSync(await read(again.source, layer)).equals(big), 'a collected one is made again')
    const same = await compressedView({ store, codec }, { ...view.descriptor, digest: await keep(store, view) })
    assert.equal(same.descriptor.digest, view.descriptor.digest, 'a compressed image stays as it is')
  })
})

test('events are recorded and read', async () => {
  const store = await freshStore()
  const digest = digestOf(big)
  const first = store.record({ kind: 'pull', name: 'localhost/a:1', digest, attributes: { registry: 'localhost' } })
  store.record({ kind: 'untag', name: 'localhost/a:1' })
  assert.deepEqual(store.events()[0], first)
  assert.deepEqual(
    store.events({ after: first.id }).map((event) => event.kind),
    ['untag'],
  )
  assert.deepEqual(store.events({ until: first.time }), [])
})
