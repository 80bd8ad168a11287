import assert from 'node:assert/strict'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { chainIds, type Image, type Layer, MemoryStore, overlaySource } from '@gantry/image'
import { createLedger, ledgerMigrations, type Ledger, readHost } from '@gantry/linux'
import { parseDigest } from '@gantry/oci'
import { openState, type State } from '@gantry/state'
import type { TarInput } from '@gantry/tar'
import { busyboxImage, busyboxMissing, directory, file, imageOf, testCodec } from '@gantry/testing'
import { createSnapshots, snapshotMigrations, type Snapshots } from './index.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root, to mount'

describe('snapshots', { skip }, () => {
  const codec = testCodec()
  let root: string
  let state: State
  let ledger: Ledger
  let snapshots: Snapshots

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'gantry-snapshots-'))
    state = openState(join(root, 'state.db'), [ledgerMigrations, snapshotMigrations])
    ledger = createLedger({ state })
    snapshots = createSnapshots({ site: { root }, state, ledger, host: await readHost() })
  })
  after(async () => {
    for (const { owner } of ledger.owners()) await ledger.undo(owner)
    await snapshots.close()
    assert.deepEqual(mounts(), [])
    assert.deepEqual(readdirSync(join(root, 'snapshots')), [])
    state[Symbol.dispose]()
    rmSync(root, { recursive: true, force: true })
  })

  const mounts = (): string[] =>
    readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(root))

  const image = (layers: readonly (readonly TarInput[])[], compression: 'none' | 'gzip' = 'none'): Promise<Image> =>
    imageOf(new MemoryStore(codec), layers, { codec, compression })

  test('layers that a source has as files are read there, also of an image put together over it', async () => {
    const made = await image([[file('from-file', 'content')]])
    const [layer] = await made.layers()
    assert.ok(layer !== undefined)
    const path = join(root, 'layer.tar')
    writeFileSync(path, Buffer.concat(await Array.fromAsync(await layer.open())))
    // A source that does not let itself be read from: all there is are its files.
    const files = { path: () => path, open: () => Promise.reject(new Error('read through the source')) }
    const over = overlaySource(files, new Map())
    const layers = async (): Promise<Layer[]> => [{ ...layer, open: (options) => over.open(layer.descriptor, options) }]
    const assembled: Image = { ...made, source: over, config: () => made.config(), layers }
    const chain = await snapshots.unpack(assembled)
    const { upper, rootfs } = await snapshots.prepare('c-files', chain, 'container/c-files')
    assert.equal(readFileSync(join(rootfs, 'from-file'), 'utf8'), 'content')
    assert.deepEqual(readdirSync(upper), [])
    await ledger.undo('container/c-files')
  })

  test('an image of several layers appears as one file system', async () => {
    const chain = await snapshots.unpack(
      await image(
        [
          [directory('a', { mode: 0o701 }), file('a/one', '1'), file('a/two', '2')],
          [file('a/.wh.one'), file('a/three', '3')],
          [directory('b'), file('b/.wh..wh..opq'), file('a/two', 'changed')],
        ],
        'gzip',
      ),
    )
    const { rootfs, upper } = await snapshots.prepare('c1', chain, 'container/c1')
    assert.deepEqual(readdirSync(join(rootfs, 'a')).toSorted(), ['three', 'two'])
    assert.equal(readFileSync(join(rootfs, 'a/two'), 'utf8'), 'changed')
    assert.equal(statSync(join(rootfs, 'a')).mode & 0o777, 0o701)
    writeFileSync(join(rootfs, 'new'), 'n')
    assert.equal(readFileSync(join(upper, 'new'), 'utf8'), 'n')
    await assert.rejects(snapshots.prepare('c1', chain, 'container/c1'), { code: 'SNAPSHOT_EXISTS' })
    assert.equal(readFileSync(join(rootfs, 'new'), 'utf8'), 'n')
    await ledger.undo('container/c1')
    await snapshots.remove('c1')
    assert.equal(existsSync(upper), false)
    assert.deepEqual(mounts(), [])
  })

  test('a snapshot outlives its mounts, for a container that is started again', async () => {
    const chain = await snapshots.unpack(await image([[file('f', '1')]]))
    await snapshots.prepare('c2', chain, 'container/c2', { mount: false, volatile: true })
    for (const run of ['1', '2']) {
      const { rootfs } = await snapshots.mount('c2', `container/c2/run/${run}`)
      if (run === '1') writeFileSync(join(rootfs, 'kept'), 'k')
      assert.equal(readFileSync(join(rootfs, 'kept'), 'utf8'), 'k')
      await ledger.undo(`container/c2/run/${run}`)
    }
    await ledger.undo('container/c2')
  })

  test('a committed snapshot is a layer like any other', async () => {
    const base = await image([[directory('d', { mode: 0o711 }), file('d/old', 'o')]])
    const below = await snapshots.unpack(base)
    const { rootfs } = await snapshots.prepare('step', below, 'build/1/step', { volatile: true })
    writeFileSync(join(rootfs, 'd/new'), 'n')
    rmSync(join(rootfs, 'd/old'))
    const chunks: Uint8Array[] = []
    for await (const chunk of snapshots.diff('step')) chunks.push(chunk)
    const store = new MemoryStore(codec)
    const diff = await store.ingest(
      (async function* () {
        yield* chunks
      })(),
      { mediaType: 'application/vnd.oci.image.layer.v1.tar' },
    )
    const [chain] = (await chainIds([...(await base.config()).rootfs.diff_ids, diff.digest], codec)).slice(-1)
    assert.ok(chain !== undefined)
    await snapshots.commit('step', chain, { diffId: diff.digest })
    await ledger.undo('build/1/step')
    assert.ok(snapshots.has(chain))
    const view = await snapshots.view(chain, 'build/2')
    assert.deepEqual(readdirSync(join(view.rootfs, 'd')), ['new'])
    assert.throws(() => writeFileSync(join(view.rootfs, 'x'), ''))
    const unknown = parseDigest(`sha256:${'1'.repeat(64)}`)
    await assert.rejects(snapshots.view(unknown, 'build/2'), { code: 'CHAIN_UNKNOWN' })
    await ledger.undo('build/2')
    assert.deepEqual(mounts(), [])
  })

  test('unpacking the same image from two callers at once happens once', async () => {
    const both = await image([[file('same', 'content')], [file('other', 'more')]])
    const [one, two] = await Promise.all([snapshots.unpack(both), snapshots.unpack(both)])
    assert.equal(one, two)
    const { diff_ids: diffIds } = (await both.config()).rootfs
    const chains = await chainIds(diffIds, codec)
    assert.equal(snapshots.list().layers.filter(({ chain }) => chains.includes(chain)).length, 2)
  })

  test('layers that are on their way are unpacked as they come, and what never comes leaves nothing', async () => {
    const coming = await image([[file('below', 'first')], [file('above', 'second')]])
    const [below, above] = await coming.layers()
    const told: string[] = []
    const arrival = Promise.withResolvers<void>()
    const ready = (layer: { readonly diffId: string }): Promise<void> =>
      layer.diffId === below?.diffId ? arrival.promise : Promise.resolve()
    const unpacking = snapshots.unpack(coming, {
      ready,
      onProgress: ({ diffId, state: at }) => {
        told.push(`${at} ${diffId === above?.diffId ? 'above' : 'below'}`)
        if (diffId === above?.diffId && at === 'progress') arrival.resolve()
      },
    })
    assert.ok((await unpacking) !== undefined)
    assert.deepEqual(told.slice(0, 2), ['start above', 'progress above'])
    assert.ok(told.indexOf('start below') > 1 && told.indexOf('done below') < told.indexOf('done above'))
    const before = readdirSync(join(root, 'snapshots'))
    const never = await image([[file('below', 'third')], [file('above', 'fourth')]])
    const failing = snapshots.unpack(never, { ready: () => Promise.reject(new Error('it never came')) })
    await assert.rejects(failing, /it never came/)
    assert.deepEqual(readdirSync(join(root, 'snapshots')), before)
  })

  test('a damaged layer leaves nothing', async () => {
    const good = await image([[file('g', 'good')]])
    const config = await good.config()
    const wrong = { ...config, rootfs: { ...config.rootfs, diff_ids: [`sha256:${'0'.repeat(64)}`] as never } }
    const before = readdirSync(join(root, 'snapshots'))
    const layers = async () =>
      (await good.layers()).map((layer) => Object.assign({}, layer, { diffId: wrong.rootfs.diff_ids[0] }))
    await assert.rejects(snapshots.unpack(Object.assign({}, good, { config: () => Promise.resolve(wrong), layers })), {
      code: 'DIGEST_MISMATCH',
    })
    assert.deepEqual(readdirSync(join(root, 'snapshots')), before)
  })

  test('unpacking that is given up leaves nothing, and no open file', async () => {
    for (const compression of ['none', 'gzip'] as const) {
      const given = new AbortController()
      const { layers } = snapshots.list()
      const large = await image([[file('large', '.'.repeat(64_000_000))], [file('other', '.')]], compression)
      const unpacking = snapshots.unpack(large, {
        signal: given.signal,
        onProgress: ({ state: now }) => void (now === 'progress' && given.abort(new Error('given up'))),
      })
      await assert.rejects(unpacking, (error: Error) => /given up/.test(inspect(error)))
      const open = readdirSync('/proc/self/fd').map((fd) => linkOf(`/proc/self/fd/${fd}`))
      assert.deepEqual(snapshots.list().layers, layers)
      assert.deepEqual(
        open.filter((path) => path.startsWith(join(root, 'snapshots'))),
        [],
      )
    }
  })

  test('an image of 127 layers can be mounted', async () => {
    const layers = Array.from({ length: 127 }, (_, n) => [file(`layer-${String(n)}`, String(n))])
    const chain = await snapshots.unpack(await image(layers))
    const { rootfs } = await snapshots.prepare('tall', chain, 'container/tall')
    assert.equal(readdirSync(rootfs).length, 127)
    await ledger.undo('container/tall')
  })

  test('a snapshot on nothing is an empty root', async () => {
    const { rootfs } = await snapshots.prepare('scratch', undefined, 'container/scratch')
    assert.deepEqual(readdirSync(rootfs), [])
    writeFileSync(join(rootfs, 'x'), 'x')
    await ledger.undo('container/scratch')
    await snapshots.remove('scratch')
  })

  test('collecting garbage keeps what is used', async () => {
    const kept = await snapshots.unpack(await image([[file('kept', 'k')], [file('kept2', 'k')]]))
    const used = await snapshots.unpack(await image([[file('used', 'u')]]))
    const loose = await snapshots.unpack(await image([[file('loose', 'l')]]))
    assert.ok(kept !== undefined && used !== undefined && loose !== undefined)
    await snapshots.prepare('user', used, 'container/user', { mount: false })
    state.db.exec('UPDATE snapshot_layers SET used = 0')
    await snapshots.gc({ only: [kept], grace: 0, keep: [kept] })
    const { removed, bytes } = await snapshots.gc({ keep: [kept] })
    assert.ok(removed.includes(loose) && bytes > 0)
    assert.ok(snapshots.has(kept) && snapshots.has(used) && !snapshots.has(loose))
    await ledger.undo('container/user')
  })

  test('a real root file system', { skip: busyboxMissing() ?? false }, async () => {
    const chain = await snapshots.unpack(await busyboxImage(new MemoryStore(codec), codec))
    const { rootfs } = await snapshots.view(chain, 'build/3')
    assert.ok(statSync(join(rootfs, 'bin/busybox')).size > 500_000)
    assert.equal(statSync(join(rootfs, 'tmp')).mode & 0o7777, 0o1777)
    await ledger.undo('build/3')
  })
})

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
