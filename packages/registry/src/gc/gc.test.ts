import { createCodec } from '@gantry/codec'
import assert from 'node:assert/strict'
import { existsSync, readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { digestOf } from '@gantry/codec'
import { encodeJson, MediaType } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import { openState } from '@gantry/state'
import type { State } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import type { Store } from '@gantry/store'
import { bytesOf, temporaryDirectory } from '@gantry/testing'
import { createRegistry, diskStorage, registryMigrations } from '../index.ts'
import type { Registry } from '../index.ts'
import { renderMetrics } from '../observe/render-metrics.ts'
import { collectRegistryGarbage } from './collect-registry-garbage.ts'
import { parseGcConfig } from './gc-config.ts'
import { gcMetrics } from './gc-metrics.ts'
import { schedule } from './schedule.ts'

interface Root extends AsyncDisposable {
  readonly store: Store
  readonly state: State
  readonly registry: Registry
  /** Ends what holds leases. */
  stop(): Promise<void>
}

async function openRoot(time: { readonly wall?: () => number; readonly uptime?: () => number } = {}): Promise<Root> {
  const stack = new AsyncDisposableStack()
  const directory = stack.use(await temporaryDirectory())
  const codec = stack.use(createCodec())
  const state = stack.use(openState(join(directory.path, 'state.db'), [storeMigrations, ...registryMigrations]))
  const store = stack.use(await openStore({ root: join(directory.path, 'content'), state, codec, time }))
  const serving = new AsyncDisposableStack()
  const registry = serving.use(createRegistry({ storage: serving.use(diskStorage(store)), state }))
  stack.use(serving)
  return {
    store,
    state,
    registry,
    stop: () => serving.disposeAsync(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const base = 'http://registry'

async function pushBlob({ registry }: Root, repository: string, bytes: Uint8Array): Promise<Descriptor> {
  const digest = digestOf(bytes)
  const url = `${base}/v2/${repository}/blobs/uploads/?digest=${digest}`
  const response = await registry.handle(new Request(url, { method: 'POST', body: Uint8Array.from(bytes) }))
  assert.equal(response.status, 201)
  return { mediaType: 'application/octet-stream', digest, size: bytes.length }
}

async function pushImage(root: Root, repository: string, tag: string, seed: number): Promise<Digest> {
  const layer = await pushBlob(root, repository, bytesOf(seed, 1000))
  const config = await pushBlob(root, repository, encodeJson({ architecture: 'amd64', os: 'linux', seed }))
  const bytes = encodeJson({ schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: [layer] })
  const url = `${base}/v2/${repository}/manifests/${tag}`
  const headers = { 'Content-Type': MediaType.imageManifest }
  const put = new Request(url, { method: 'PUT', body: Uint8Array.from(bytes), headers })
  assert.equal((await root.registry.handle(put)).status, 201)
  return digestOf(bytes)
}

async function ask({ registry }: Root, method: string, path: string): Promise<number> {
  return (await registry.handle(new Request(base + path, { method }))).status
}

/** Makes everything look as if it had been there for days. */
function age({ store, state }: Root): void {
  const time = Date.now() / 1000 - 3 * 86_400
  const directory = join(store.root, 'blobs/sha256')
  for (const name of readdirSync(directory)) utimesSync(join(directory, name), time, time)
  for (const name of readdirSync(join(store.root, 'ingest'))) utimesSync(join(store.root, 'ingest', name), time, time)
  state.db.exec('UPDATE registry_blobs SET added = added - 3 * 86400000 WHERE added > 0')
  state.db.exec('UPDATE registry_manifests SET added = added - 3 * 86400000')
}

describe('collecting the garbage of a registry', () => {
  test('what a deleted manifest led to goes, with the links; what others lead to stays', async () => {
    await using root = await openRoot()
    const lost = await pushImage(root, 'app', 'lost', 1)
    const kept = await pushImage(root, 'app', 'kept', 2)
    assert.equal(await ask(root, 'DELETE', `/v2/app/manifests/${lost}`), 202)
    await root.stop()
    age(root)
    const told = await collectRegistryGarbage(root, { dryRun: true })
    assert.equal(told.blobs, 3)
    assert.equal(told.links, 2)
    assert.ok(told.bytes > 1000)
    assert.ok(existsSync(root.store.path(lost)))
    const done = await collectRegistryGarbage(root)
    assert.deepEqual([done.blobs, done.bytes, done.links], [told.blobs, told.bytes, told.links])
    assert.equal((await root.store.reachable(kept)).size, 3)
    assert.equal(existsSync(root.store.path(lost)), false)
    assert.equal(root.state.prepare('SELECT count(*) AS n FROM registry_blobs').get()?.['n'], 2)
    const text = await renderMetrics(gcMetrics(root.state))
    assert.match(text, /gc_runs_total 1\n/)
    assert.match(text, new RegExp(`gc_bytes_total ${done.bytes}\n`))
  })

  test('what was deleted just now goes at once when nothing is to wait', async () => {
    await using root = await openRoot()
    const lost = await pushImage(root, 'app', 'lost', 3)
    await ask(root, 'DELETE', `/v2/app/manifests/${lost}`)
    await root.stop()
    await new Promise((resolve) => setTimeout(resolve, 5))
    // The layer and config may be counted on by another push: only the manifest goes.
    assert.equal((await collectRegistryGarbage(root, { grace: 0 })).blobs, 1)
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal((await collectRegistryGarbage(root, { grace: 0, pending: 0 })).blobs, 2)
  })

  test('another push counts on a blob from before an image was pushed and deleted', async () => {
    await using root = await openRoot()
    await pushBlob(root, 'app', bytesOf(20, 1000))
    const layer = digestOf(bytesOf(20, 1000))
    assert.equal(await ask(root, 'HEAD', `/v2/app/blobs/${layer}`), 200)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const config = await pushBlob(root, 'app', encodeJson({ architecture: 'amd64', os: 'linux' }))
    const size = 1000
    const layers = [{ mediaType: 'application/octet-stream', digest: layer, size }]
    const bytes = encodeJson({ schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers })
    const url = `${base}/v2/app/manifests/other`
    const headers = { 'Content-Type': MediaType.imageManifest }
    const put = new Request(url, { method: 'PUT', body: Uint8Array.from(bytes), headers })
    assert.equal((await root.registry.handle(put)).status, 201)
    assert.equal(await ask(root, 'DELETE', `/v2/app/manifests/${digestOf(bytes)}`), 202)
    await root.stop()
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual((await collectRegistryGarbage(root, { grace: 0 })).links, 0)
    assert.ok(existsSync(root.store.path(layer)))
  })

  test('blobs that wait for their manifest stay, however old they are, while their repository is pushed to', async () => {
    await using root = await openRoot()
    const layer = await pushBlob(root, 'slow', bytesOf(4, 1000))
    const other = await pushBlob(root, 'given-up', bytesOf(5, 1000))
    const started = await root.registry.handle(new Request(`${base}/v2/slow/blobs/uploads/`, { method: 'POST' }))
    assert.equal(started.status, 202)
    await root.stop()
    age(root)
    const done = await collectRegistryGarbage(root, { grace: 0 })
    assert.deepEqual([done.blobs, done.links], [1, 1])
    assert.ok(existsSync(root.store.path(layer.digest)))
    assert.ok(!existsSync(root.store.path(other.digest)))
  })

  test('a blob that was asked for after its image was deleted still can be referred to', async () => {
    await using root = await openRoot()
    const lost = await pushImage(root, 'app', 'lost', 6)
    const layer = digestOf(bytesOf(6, 1000))
    age(root)
    assert.equal(await ask(root, 'HEAD', `/v2/app/blobs/${layer}`), 200)
    await ask(root, 'DELETE', `/v2/app/manifests/${lost}`)
    await root.stop()
    const done = await collectRegistryGarbage(root, { grace: 0 })
    assert.equal(done.blobs, 2)
    assert.equal(done.links, 1)
    assert.ok(existsSync(root.store.path(layer)))
  })

  test('when the clock was set ahead before the process began, nothing goes for its age', async () => {
    let ahead = 30 * 86_400_000
    // The clock of this process is the one that was set ahead.
    await using root = await openRoot({ wall: () => Date.now() - ahead, uptime: () => performance.now() })
    ahead = 0
    assert.equal(
      (await root.registry.handle(new Request(`${base}/v2/app/blobs/uploads/`, { method: 'POST' }))).status,
      202,
    )
    await pushBlob(root, 'app', bytesOf(1, 1000))
    age(root)
    root.state.db.exec('UPDATE registry_uploads SET used = used - 8 * 86400000')
    const { blobs, uploads, links } = await collectRegistryGarbage(root)
    assert.deepEqual([blobs, uploads, links], [0, 0, 0])
  })

  test('uploads that were given up go, of the database and of the disk', async () => {
    await using root = await openRoot()
    const started = await root.registry.handle(new Request(`${base}/v2/app/blobs/uploads/`, { method: 'POST' }))
    const path = started.headers.get('location') ?? ''
    const chunk = new Request(base + path, { method: 'PATCH', body: 'x'.repeat(100) })
    assert.equal((await root.registry.handle(chunk)).status, 202)
    {
      // As a crash leaves it that comes between two things.
      await using orphan = await root.store.stage({ key: '00000000-0000-4000-8000-000000000000' })
      await orphan.write(bytesOf(7, 10))
      await orphan.flush()
      await using foreign = await root.store.stage({ key: 'somebody-elses' })
      await foreign.write(bytesOf(8, 10))
      await foreign.flush()
    }
    await root.stop()
    assert.equal((await collectRegistryGarbage(root)).uploads, 0)
    age(root)
    root.state.db.exec('UPDATE registry_uploads SET used = used - 3 * 86400000')
    const options = { uploads: 86_400_000 }
    const told = await collectRegistryGarbage(root, { ...options, dryRun: true })
    assert.deepEqual([told.uploads, told.bytes], [2, 110])
    const done = await collectRegistryGarbage(root, options)
    assert.deepEqual([done.uploads, done.bytes], [2, 110])
    assert.deepEqual(
      root.store.staged().map(({ key }) => key),
      ['somebody-elses'],
    )
  })

  test('repositories of an older database, whose edges are not known, keep their links', async () => {
    await using root = await openRoot()
    await pushImage(root, 'old', 'v1', 9)
    root.state.db.exec('DELETE FROM registry_edges')
    await root.stop()
    age(root)
    const done = await collectRegistryGarbage(root)
    assert.deepEqual([done.blobs, done.links], [0, 0])
  })
})

describe('schedule', () => {
  test('runs again and again, never twice at once, and waits for the end when it is disposed of', async () => {
    let running = 0
    let most = 0
    let runs = 0
    const errors: unknown[] = []
    {
      await using work = schedule(
        async () => {
          running += 1
          most = Math.max(most, running)
          await new Promise((resolve) => setTimeout(resolve, 5))
          running -= 1
          runs += 1
          if (runs === 2) throw new Error('once')
        },
        { every: 2, onError: (error) => errors.push(error) },
      )
      while (runs < 4) await Promise.allSettled([work.run(), work.run()])
    }
    assert.equal(running, 0)
    assert.equal(most, 1)
    const after = runs
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(runs, after)
    assert.ok(errors.length <= 1)
  })
})

test('the configuration of gc has defaults, and says what is wrong', () => {
  assert.deepEqual(parseGcConfig({ every: '1h' }).every, 3_600_000)
  assert.equal(parseGcConfig({}).enabled, true)
  assert.throws(() => parseGcConfig({ evry: '1h' }), { code: 'CONFIG_INVALID', message: /gc\.evry is not known/ })
  assert.throws(() => parseGcConfig({ every: '1ms' }), { message: /gc\.every is "1ms"; it must be 1000 ms at least/ })
})
