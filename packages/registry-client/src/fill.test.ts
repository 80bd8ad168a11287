import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import { MediaType, parseDigest } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import type { Store } from '@gantry/store'
import { expectCode, readAll } from '@gantry/testing'
import * as fc from 'fast-check'
import { rangeServer } from './fixtures/range-server.ts'
import type { Behaviour, RangeServer } from './fixtures/range-server.ts'
import { createRegistryClient } from './index.ts'
import type { ClientEvent, RegistryClientOptions } from './index.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const codec = stack.use(createCodec())
const bytes = randomBytes(2_000_000)
const blob: Descriptor = {
  mediaType: MediaType.layerTar,
  digest: parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`),
  size: bytes.length,
}
const segment = 256 * 1024
const wrong = Uint8Array.from(bytes, (byte, index) => (index === 1_000_000 ? byte ^ 1 : byte))

interface Started {
  readonly server: RangeServer
  readonly store: Store
  readonly events: ClientEvent[]
  readonly pull: (options?: RegistryClientOptions) => Promise<void>
  /** What is left in `ingest/`. */
  readonly left: () => readonly string[]
}

async function start(behave?: (request: number, range: string | undefined) => Behaviour): Promise<Started> {
  const server = stack.use(await rangeServer(bytes, behave))
  const root = mkdtempSync(join(tmpdir(), 'gantry-fill-'))
  stack.defer(() => rmSync(root, { recursive: true, force: true }))
  const state = stack.use(openState(join(root, 'state.db'), [storeMigrations]))
  const store = stack.use(await openStore({ root: join(root, 'content'), state, codec, leastPartial: 1000 }))
  const events: ClientEvent[] = []
  const pull = async (options: RegistryClientOptions = {}): Promise<void> => {
    const client = createRegistryClient({
      credentials: async () => undefined,
      retry: { sleep: async () => undefined, random: () => 0 },
      transfer: { segment },
      onEvent: (event) => void events.push(event),
      ...options,
    })
    const repository = client.repository({ registry: server.registry, repository: 'app' })
    await using partial = (await store.partial(blob)) ?? assert.fail('it is there already')
    await repository.fill?.(blob, partial)
  }
  return { server, store, events, pull, left: () => readdirSync(join(store.root, 'ingest')) }
}

async function isWhole(store: Store): Promise<boolean> {
  return (await readAll(await store.open(blob))).equals(bytes)
}

describe('a large blob', () => {
  test('comes in closed ranges over several connections, each byte once', async () => {
    const { server, store, pull, left } = await start(() => ({ pause: 2 }))
    await pull()
    assert.ok(await isWhole(store))
    assert.deepEqual(left(), [])
    assert.equal(server.ranges.length, Math.ceil(bytes.length / segment))
    for (const range of server.ranges) assert.match(String(range), /^bytes=\d+-\d+$/)
    assert.equal(server.sent, bytes.length)
    assert.ok(server.peak > 1 && server.peak <= 4, `${server.peak} at once`)
  })

  test('keeps to the limits for its host and in all', async () => {
    for (const transfer of [
      { segment, perHost: 2 },
      { segment, total: 2 },
      { segment, connections: 2 },
    ]) {
      const { server, pull } = await start(() => ({ pause: 1 }))
      await pull({ transfer })
      assert.ok(server.peak <= 2, `${server.peak} at once with ${JSON.stringify(transfer)}`)
    }
  })

  test('is fetched only as far as it is missing', async () => {
    const { server, store, pull, left } = await start((_, range) =>
      range?.startsWith('bytes=1048576-') ? { status: 404 } : {},
    )
    await expectCode(pull(), 'BLOB_UNKNOWN')
    assert.equal(left().length, 3)
    const before = server.sent
    assert.ok(before > 0 && before < bytes.length)
    const again = stack.use(await rangeServer(bytes))
    const client = createRegistryClient({ credentials: async () => undefined, transfer: { segment } })
    await using partial = (await store.partial(blob)) ?? assert.fail()
    const told: number[] = []
    const missing = partial.missing().reduce((sum, { start: from, end }) => sum + end - from, 0)
    const repository = client.repository({ registry: again.registry, repository: 'app' })
    await repository.fill?.(blob, partial, { onBytes: (count) => void told.push(count) })
    assert.ok(await isWhole(store))
    assert.equal(again.sent, missing)
    assert.ok(missing < bytes.length)
    assert.ok((told[0] ?? 0) > bytes.length - missing)
    assert.equal(told.at(-1), bytes.length)
  })

  test('arrives whole wherever the connection breaks', async () => {
    const cuts = fc.array(fc.nat(segment), { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(cuts, async (all) => {
        const { server, store, pull } = await start((request) => {
          const cutAfter = all[request]
          return cutAfter === undefined ? {} : { cutAfter }
        })
        await pull()
        assert.ok(await isWhole(store))
        // What was cut had come: not a byte is sent twice, but for what was under way when the connection broke.
        assert.ok(server.sent <= bytes.length + all.length * segment)
      }),
      { numRuns: 12 },
    )
  })
})

describe('a server that knows no ranges', () => {
  test('sends it once, over one connection', async () => {
    const { server, store, pull } = await start(() => ({ whole: true }))
    await pull()
    assert.ok(await isWhole(store))
    assert.equal(server.ranges.length, 1)
  })

  test('and breaks off is asked again', async () => {
    const { server, store, pull } = await start((request) => ({
      whole: true,
      ...(request < 2 ? { cutAfter: 700_000 } : {}),
    }))
    await pull()
    assert.ok(await isWhole(store))
    assert.ok(server.ranges.length >= 3)
  })

  test('and refuses them all is asked without', async () => {
    const { store, pull } = await start((_, range) => (range === undefined ? {} : { status: 416 }))
    await pull()
    assert.ok(await isWhole(store))
  })
})

describe('bytes that are wrong', () => {
  test('are all fetched again, once, over one connection', async () => {
    const { server, store, events, pull } = await start((request) => (request < 8 ? { bytes: wrong } : {}))
    await pull()
    assert.ok(await isWhole(store))
    assert.ok(events.some(({ kind }) => kind === 'restart'))
    assert.equal(server.ranges.length, 9)
    assert.equal(server.ranges.at(-1), undefined)
  })

  test('and stay wrong are given up, and nothing of them is kept', async () => {
    const { store, pull, left } = await start(() => ({ bytes: wrong }))
    await expectCode(pull(), 'DIGEST_MISMATCH')
    assert.equal(await store.has(blob), false)
    await using partial = (await store.partial(blob)) ?? assert.fail()
    assert.deepEqual(partial.missing(), [{ start: 0, end: bytes.length }])
    assert.equal(left().length, 3)
  })

  test('because the server changed them meanwhile are found out', async () => {
    const { store, pull } = await start((request) =>
      request < 3 ? { bytes: wrong.toReversed(), headers: { etag: '"old"' } } : { headers: { etag: '"new"' } },
    )
    await pull()
    assert.ok(await isWhole(store))
  })
})

describe('a server that lies', () => {
  for (const [name, how, code] of [
    ['of the size of the whole', { bytes: bytes.subarray(0, 1_999_999) }, 'SIZE_MISMATCH'],
    [
      'of where a part begins',
      { headers: { 'content-range': `bytes 5-${segment + 4}/${bytes.length}` } },
      'RANGE_INVALID',
    ],
  ] as const) {
    test(`${name} is not believed`, async () => {
      const { store, pull } = await start(() => how)
      await expectCode(pull(), code)
      assert.equal(await store.has(blob), false)
    })
  }

  test('of the length of an answer is asked for the rest', async () => {
    const { store, pull } = await start((request) => (request % 2 === 0 ? { endAfter: 100_000 } : {}))
    await pull()
    assert.ok(await isWhole(store))
  })

  test('and never sends the rest is given up', async () => {
    let count = 0
    const { pull } = await start(() => {
      count += 1
      return { endAfter: 10 }
    })
    await assert.rejects(pull({ transfer: { segment, connections: 1 } }))
    assert.ok(count <= 6, `${count} requests`)
  })
})

test('a server that falls silent, hangs up or is overwhelmed is asked again', async () => {
  const { store, pull, events } = await start((request) => {
    if (request === 1) return { silent: true }
    if (request === 3) return { cutAfter: 0 }
    return request === 5 ? { status: 503, headers: { 'retry-after': '1' } } : {}
  })
  await pull({ timeout: 200 })
  assert.ok(await isWhole(store))
  assert.ok(events.some((event) => event.kind === 'retry' && event.wait === 1000))
})

test('a pull that is told to stop keeps what it has', async () => {
  const { server, store } = await start(() => ({ pause: 5 }))
  const client = createRegistryClient({ credentials: async () => undefined, transfer: { segment } })
  const repository = client.repository({ registry: server.registry, repository: 'app' })
  const stop = new AbortController()
  {
    await using partial = (await store.partial(blob)) ?? assert.fail()
    const filling = repository.fill?.(blob, partial, {
      signal: stop.signal,
      onBytes: (count) => void (count > 500_000 && stop.abort(new Error('enough'))),
    })
    await assert.rejects(filling ?? assert.fail(), { message: 'enough' })
  }
  await using partial = (await store.partial(blob)) ?? assert.fail()
  const missing = partial.missing().reduce((sum, { start: from, end }) => sum + end - from, 0)
  assert.ok(missing < bytes.length && missing > 0)
})
