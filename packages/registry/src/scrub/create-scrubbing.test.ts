import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { openState } from '@gantry/state'
import type { State } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import type { Store } from '@gantry/store'
import { createRegistry } from '../create-registry.ts'
import type { Registry } from '../create-registry.ts'
import { diskStorage } from '../disk-storage.ts'
import { push, pushManifest } from '../fixtures/registry-fixture.ts'
import type { Log } from '../observe/log.ts'
import { renderMetrics } from '../observe/render-metrics.ts'
import { ProxyWorld } from '../proxy/fixtures/proxy-world.ts'
import { registryMigrations } from '../registry-migrations.ts'
import { createScrubbing } from './create-scrubbing.ts'
import type { Scrubbing, ScrubbingOptions } from './create-scrubbing.ts'
import { nextScrub } from './next-scrub.ts'
import { parseScrubConfig } from './scrub-config.ts'
import { readScrubPosition, writeScrubPosition } from './scrub-position.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-scrubbing-'))
const codec = createCodec()
const opened = new AsyncDisposableStack()
const world = opened.use(new ProxyWorld())
after(async () => {
  await opened.disposeAsync()
  await codec.close()
  rmSync(directory, { recursive: true, force: true })
})

const layer = randomBytes(100_000)

async function pushImage(registry: Registry): Promise<string> {
  const config = { ...(await push(registry, Buffer.from('{}'))), mediaType: 'application/vnd.oci.image.config.v1+json' }
  const pushed = await push(registry, layer)
  await pushManifest(registry, { config, layers: [pushed] })
  return pushed.digest
}

interface Line {
  readonly message: string
  readonly fields: Parameters<Log>[2]
}

interface Fixture {
  readonly store: Store
  readonly state: State
  readonly scrubbing: Scrubbing
  readonly lines: readonly Line[]
  /** Resolves with a line of the log. */
  readonly said: (message: string) => Promise<Line>
}

let count = 0
async function fixture(config: unknown, options: Partial<ScrubbingOptions> = {}): Promise<Fixture> {
  const root = join(directory, String((count += 1)))
  const state = opened.use(openState(join(root, 'state.db'), [storeMigrations, ...registryMigrations]))
  const store = opened.use(await openStore({ root: join(root, 'content'), state, codec }))
  await pushImage(opened.use(createRegistry({ storage: opened.use(diskStorage(store)), state })))
  const lines: Line[] = []
  const waiting: { readonly message: string; readonly resolve: (line: Line) => void }[] = []
  const log = Object.assign(
    (_level: string, message: string, fields?: Parameters<Log>[2]) => {
      lines.push({ message, fields })
      for (const each of waiting) if (each.message === message) each.resolve({ message, fields })
    },
    { flush: () => undefined },
  )
  const onError = (error: unknown): void => assert.fail(error instanceof Error ? error : String(error))
  const parts = { store, state, codec, cache: () => undefined, log, onError, ...options }
  const scrubbing = opened.use(createScrubbing({ ...parts, config: parseScrubConfig(config) }))
  return {
    store,
    state,
    scrubbing,
    lines,
    said: (message) => new Promise((resolve) => waiting.push({ message, resolve })),
  }
}

test('a server checks by itself, repairs from a peer, says so, and counts it', async () => {
  const peer = await world.upstream()
  const digest = await pushImage(peer.registry)
  const { scrubbing, store, state, said, lines } = await fixture({})
  const file = store.path(digestOf(layer))
  truncateSync(file, 1000)
  const repaired = said('repaired a damaged blob')
  const done = said('verified blobs')
  scrubbing.configure({ ...parseScrubConfig({ peers: [{ registry: peer.name, insecure: true }] }), every: 20 })
  assert.equal((await repaired).fields?.['digest'], digest)
  assert.deepEqual((await done).fields, { blobs: 3, bytes: lines.at(-1)?.fields?.['bytes'], damaged: 1, missing: 0 })
  scrubbing.configure(parseScrubConfig({}))
  assert.deepEqual(readFileSync(file), layer)
  assert.ok(readScrubPosition(state).completed !== undefined)
  const text = await renderMetrics(scrubbing.metrics)
  assert.match(text, /gantry_registry_scrub_found_total\{what="damaged",repaired="true"\} 1/)
  assert.match(text, /gantry_registry_scrub_blobs_total [369]/)
  assert.match(text, /gantry_registry_scrub_last_completed_timestamp_seconds \d+/)
})

test('what cannot be repaired is put aside, unless that is not wanted', async () => {
  for (const quarantine of [true, false]) {
    const { scrubbing, store, lines } = await fixture({ quarantine })
    const file = store.path(digestOf(layer))
    truncateSync(file, 1000)
    await scrubbing.run()
    assert.equal(existsSync(file), !quarantine)
    assert.ok(
      lines.some(({ message, fields }) => message === 'found a damaged blob' && fields?.['problem'] === 'wrong'),
    )
  }
})

test('a source that gives something else is said, and counted', async () => {
  const peer = await world.upstream()
  await pushImage(peer.registry)
  peer.fault = () => ({ status: 500 })
  const { scrubbing, store, lines } = await fixture({ peers: [{ registry: peer.name, insecure: true }] })
  truncateSync(store.path(digestOf(layer)), 1000)
  await scrubbing.run()
  assert.ok(lines.some(({ message }) => message === 'got no good copy'))
  assert.match(await renderMetrics(scrubbing.metrics), /gantry_registry_scrub_source_failures_total 2/)
})

test('a server begins soon with what is due, and never waits longer than an interval, whatever the clock says', async () => {
  const { state } = await fixture({})
  const [minute, day, year] = [60_000, 86_400_000, 365 * 86_400_000]
  const now = 30 * year
  for (const [rule, completed, position, wait] of [
    ['a round ended just now', now, '', day],
    ['a round ended some time ago', now - day / 2, '', day / 2],
    ['a round is long due', now - 3 * day, '', minute],
    ['the clock was set back', now + year, '', day],
    ['the clock was set ahead', now - year, '', minute],
    ['a round was stopped', now, 'sha256:0', minute],
  ] as const) {
    writeScrubPosition(state, { position, started: completed, completed })
    assert.equal(nextScrub(state, day, now), wait, rule)
  }
  assert.equal(nextScrub(state, undefined, now), undefined)
})
