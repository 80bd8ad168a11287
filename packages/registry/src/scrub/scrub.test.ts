import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { MediaType } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import { openState } from '@gantry/state'
import type { State } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import type { Store } from '@gantry/store'
import { createRegistry } from '../create-registry.ts'
import type { Registry } from '../create-registry.ts'
import { diskStorage } from '../disk-storage.ts'
import { ask, push, pushManifest } from '../fixtures/registry-fixture.ts'
import { ProxyWorld } from '../proxy/fixtures/proxy-world.ts'
import { registryMigrations } from '../registry-migrations.ts'
import { peerSource } from './repair-source.ts'
import { parseScrubConfig } from './scrub-config.ts'
import { readScrubPosition } from './scrub-position.ts'
import type { ScrubProgress } from './scrub-report.ts'
import { scrub } from './scrub.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-scrub-'))
const codec = createCodec()
const opened = new AsyncDisposableStack()
const world = opened.use(new ProxyWorld())
after(async () => {
  await opened.disposeAsync()
  await codec.close()
  rmSync(directory, { recursive: true, force: true })
})

interface Fixture {
  readonly store: Store
  readonly state: State
  readonly registry: Registry
  readonly codec: typeof codec
}

let count = 0

async function fixture(): Promise<Fixture> {
  const root = join(directory, String((count += 1)))
  const state = opened.use(openState(join(root, 'state.db'), [storeMigrations, ...registryMigrations]))
  const store = opened.use(await openStore({ root: join(root, 'content'), state, codec }))
  const registry = opened.use(createRegistry({ storage: opened.use(diskStorage(store)), state }))
  return { store, state, registry, codec }
}

const layerBytes = randomBytes(100_000)

/** An image in `a/b`, the same in every registry. */
async function pushImage(registry: Registry, repository = 'a/b'): Promise<{ layer: Descriptor; manifest: Descriptor }> {
  const config = {
    ...(await push(registry, Buffer.from('{"config":1}'), repository)),
    mediaType: MediaType.imageConfig,
  }
  const layer = await push(registry, layerBytes, repository)
  const { descriptor } = await pushManifest(registry, { config, layers: [layer] }, { repository })
  return { layer, manifest: descriptor }
}

function damage({ store }: Fixture, digest: Digest): void {
  const path = store.path(digest)
  const bytes = readFileSync(path)
  bytes[10] = (bytes[10] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

const quarantined = ({ store }: Fixture): readonly string[] => {
  const path = join(store.root, 'quarantine')
  return existsSync(path) ? readdirSync(path) : []
}

const isGood = ({ store }: Fixture, digest: Digest): boolean =>
  existsSync(store.path(digest)) && digestOf(readFileSync(store.path(digest))) === digest

describe('scrub', () => {
  test('finds nothing where all is well, and counts what it read', async () => {
    const here = await fixture()
    await pushImage(here.registry)
    const report = await scrub(here)
    assert.deepEqual([report.checked, report.damaged, report.missing], [3, [], []])
    assert.ok(report.bytes > layerBytes.length)
    assert.deepEqual(quarantined(here), [])
    assert.ok(readScrubPosition(here.state).completed !== undefined)
  })

  test('moves what is damaged aside, and says who shows it; a push brings it back', async () => {
    const here = await fixture()
    const { layer } = await pushImage(here.registry)
    damage(here, layer.digest)
    const damagedBytes = readFileSync(here.store.path(layer.digest))
    const report = await scrub(here)
    const [found] = report.damaged
    assert.deepEqual(
      [found?.digest, found?.problem, found?.repositories, found?.repaired],
      [layer.digest, 'wrong', ['a/b'], false],
    )
    assert.deepEqual(readFileSync(found?.quarantined ?? ''), damagedBytes)
    assert.deepEqual(
      report.missing.map(({ digest, parent }) => [digest, parent !== undefined]),
      [[layer.digest, true]],
    )
    assert.equal((await ask(here.registry, 'GET', `/v2/a/b/blobs/${layer.digest}`)).status, 404)
    await pushImage(here.registry)
    assert.ok(isGood(here, layer.digest))
    assert.deepEqual((await scrub(here)).damaged, [])
  })

  test('only reports, where that is wanted', async () => {
    const here = await fixture()
    const { layer } = await pushImage(here.registry)
    truncateSync(here.store.path(layer.digest), 50_000)
    const report = await scrub(here, { quarantine: false })
    assert.deepEqual(
      report.damaged.map(({ digest, size, quarantined: file }) => [digest, size, file]),
      [[layer.digest, 50_000, undefined]],
    )
    assert.equal(statSync(here.store.path(layer.digest)).size, 50_000)
    assert.deepEqual(quarantined(here), [])
  })

  test('repairs from a peer: damaged and missing, layers and manifests', async () => {
    const peer = await world.upstream()
    const here = await fixture()
    const { layer, manifest } = await pushImage(here.registry)
    await pushImage(peer.registry)
    damage(here, manifest.digest)
    rmSync(here.store.path(layer.digest))
    const report = await scrub(here, { repair: [peerSource({ registry: peer.name })] })
    assert.deepEqual(
      report.damaged.map(({ digest, repaired }) => [digest, repaired]),
      [[manifest.digest, true]],
    )
    assert.deepEqual(
      report.missing.map(({ digest, repaired }) => [digest, repaired]),
      [[layer.digest, true]],
    )
    assert.ok(isGood(here, layer.digest) && isGood(here, manifest.digest))
    assert.equal(quarantined(here).length, 1)
    assert.equal((await scrub(here)).checked, 3)
  })

  test('takes the next source where one has it not, fails, or has it wrong itself', async () => {
    const [lacking, failing, wrong, good] = [
      await world.upstream(),
      await world.upstream(),
      await world.upstream(),
      await world.upstream(),
    ]
    for (const each of [failing, wrong, good]) await pushImage(each.registry)
    failing.fault = () => ({ status: 500 })
    wrong.fault = () => ({ wrongAt: 99_999 })
    const here = await fixture()
    const { layer } = await pushImage(here.registry)
    damage(here, layer.digest)
    const told: ScrubProgress[] = []
    const repair = [lacking, failing, wrong, good].map(({ name }) => peerSource({ registry: name }))
    const report = await scrub(here, { repair, onProgress: (progress) => void told.push(progress) })
    assert.equal(report.damaged[0]?.repaired, true)
    assert.ok(isGood(here, layer.digest))
    assert.equal(quarantined(here).length, 1)
    assert.equal(told.filter(({ kind }) => kind === 'source-failed').length, 2)
    assert.deepEqual([lacking.asked.length, good.asked.length], [1, 1])
  })

  test('repairs what a cache holds from its upstream, and does not miss what nobody asked for', async () => {
    const upstream = await world.upstream()
    const { layer } = await pushImage(upstream.registry)
    const cache = await world.cache([upstream], { disk: true })
    assert.ok(cache.store !== undefined)
    for (const path of ['manifests/latest', `blobs/${layer.digest}`])
      await (await cache.get(`/v2/hub/a/b/${path}`)).arrayBuffer()
    await cache.proxy.idle()
    const here = { store: cache.store, state: cache.state, codec }
    const file = cache.store.path(layer.digest)
    truncateSync(file, 1000)
    const { isCache } = cache.proxy
    const report = await scrub(here, { repair: [cache.proxy], isCache })
    assert.deepEqual(
      report.damaged.map(({ repaired, size }) => [repaired, size]),
      [[true, 1000]],
    )
    assert.deepEqual(report.missing, [])
    assert.equal(digestOf(readFileSync(file)), layer.digest)
    assert.equal((await scrub(here)).missing.length, 1)
    truncateSync(file, 1000)
    const deleted = await ask(upstream.registry, 'DELETE', `/v2/a/b/blobs/${layer.digest}`)
    assert.equal(deleted.status, 202)
    const told: ScrubProgress[] = []
    const onProgress = (progress: ScrubProgress): void => void told.push(progress)
    const again = await scrub(here, { repair: [cache.proxy], isCache, onProgress })
    assert.equal(again.damaged[0]?.repaired, false)
    assert.equal(told.filter(({ kind }) => kind === 'source-failed').length, 0)
  })

  test('goes on where it was stopped, and begins anew after the end', async () => {
    const here = await fixture()
    for (let index = 0; index < 10; index++) await push(here.registry, Buffer.from(`blob ${index}`))
    const abort = new AbortController()
    const seen: string[] = []
    const onProgress = (progress: ScrubProgress): void => {
      if (progress.kind !== 'checked') return
      seen.push(progress.digest)
      if (seen.length === 4) abort.abort(new Error('stopped'))
    }
    await assert.rejects(scrub(here, { onProgress, signal: abort.signal }), /stopped/)
    assert.equal(readScrubPosition(here.state).position, seen[3])
    const report = await scrub(here, {
      onProgress: (progress) => void (progress.kind === 'checked' && seen.push(progress.digest)),
    })
    assert.equal(report.checked, 6)
    assert.deepEqual(seen, seen.toSorted())
    assert.equal(new Set(seen).size, 10)
    assert.equal((await scrub(here)).checked, 10)
  })

  test('a blob that is written anew while it is looked at is not put aside', async () => {
    const here = await fixture()
    const { layer } = await pushImage(here.registry)
    const { ino } = statSync(here.store.path(layer.digest))
    damage(here, layer.digest)
    // A push of the same blob takes its place before it is put aside.
    await push(here.registry, layerBytes, 'other')
    assert.notEqual(statSync(here.store.path(layer.digest)).ino, ino)
    assert.equal(await here.store.quarantine(layer.digest, { inode: ino }), undefined)
    assert.ok(isGood(here, layer.digest))
    assert.deepEqual(quarantined(here), [])
  })

  test('runs while blobs are pushed and collected', async () => {
    const here = await fixture()
    let isDone = false
    const churn = (async () => {
      for (let index = 0; !isDone; index++) {
        const { digest } = await push(here.registry, randomBytes(20_000), 'busy')
        if (index % 2 === 0) await here.store.delete(digest)
      }
    })()
    for (let round = 0; round < 5; round++) {
      const report = await scrub(here, { restart: true, rate: 50_000_000 })
      assert.deepEqual(report.damaged, [])
    }
    isDone = true
    await churn
    assert.deepEqual(quarantined(here), [])
  })
})

describe('parseScrubConfig', () => {
  test('fills in what is not said, and refuses what is not known', () => {
    assert.deepEqual(parseScrubConfig({}), { rate: 32 * 1024 * 1024, quarantine: true, repair: true, peers: [] })
    const peers = [{ registry: 'peer.example', path: 'copy' }]
    assert.deepEqual(parseScrubConfig({ every: '7d', rate: '1MiB', repair: false, peers }), {
      every: 7 * 86_400_000,
      rate: 1024 * 1024,
      quarantine: true,
      repair: false,
      peers,
    })
    assert.throws(() => parseScrubConfig({ evry: '1d' }), { code: 'CONFIG_INVALID', path: 'scrub.evry' })
    assert.throws(() => parseScrubConfig({ peers: [{}] }), { code: 'CONFIG_INVALID', path: 'scrub.peers[0].registry' })
  })
})
