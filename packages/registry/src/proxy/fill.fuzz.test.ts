import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import * as fc from 'fast-check'
import { push } from '../fixtures/registry-fixture.ts'
import { ProxyWorld } from './fixtures/proxy-world.ts'
import type { TestCache } from './fixtures/proxy-world.ts'

const world = new ProxyWorld()
after(() => world[Symbol.asyncDispose]())

const pool = randomBytes(4 * 1024 * 1024)

/** Somebody who reads a part of a blob, from some time on, as quickly as it may, and perhaps not to the end. */
interface Reader {
  readonly delay: number
  /** Both in thousandths of the blob; an open range ends with the blob. */
  readonly start: number
  readonly end: number | undefined
  readonly slow: number
  /** In thousandths of what it asks for. */
  readonly leavesAt: number | undefined
}

const thousandth = fc.integer({ min: 0, max: 999 })
const reader: fc.Arbitrary<Reader> = fc.record({
  delay: fc.integer({ min: 0, max: 25 }),
  start: thousandth,
  end: fc.option(thousandth, { nil: undefined }),
  slow: fc.constantFrom(0, 0, 1, 3),
  leavesAt: fc.option(thousandth, { nil: undefined, freq: 3 }),
})
const transfer = fc.record({
  size: fc.integer({ min: 65_537, max: pool.length }),
  offset: fc.integer({ min: 0, max: 1_000_000 }),
  /** Where the upstream's answers are cut, in thousandths. */
  cuts: fc.array(fc.integer({ min: 1, max: 999 }), { maxLength: 2 }),
  chunk: fc.constantFrom(60_000, 250_000, 1_000_000),
  readers: fc.array(reader, { minLength: 1, maxLength: 6 }),
  farRange: fc.constantFrom(100_000, 64 * 1024 * 1024),
})

async function read(cache: TestCache, path: string, blob: Buffer, asked: Reader): Promise<void> {
  await wait(asked.delay)
  const start = Math.floor((asked.start * (blob.length - 1)) / 1000)
  const end = asked.end === undefined ? blob.length : Math.max(start + 1, Math.floor((asked.end * blob.length) / 1000))
  const range = `bytes=${start}-${asked.end === undefined ? '' : end - 1}`
  const response = await cache.get(path, { range })
  assert.equal(response.status, 206)
  assert.equal(response.headers.get('content-range'), `bytes ${start}-${end - 1}/${blob.length}`)
  const leaves = asked.leavesAt === undefined ? Infinity : start + ((end - start) * asked.leavesAt) / 1000
  let position = start
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array
    assert.ok(blob.subarray(position, position + bytes.length).equals(bytes), `bytes from ${position} on differ`)
    position += bytes.length
    if (position >= leaves) return
    if (asked.slow > 0) await wait(asked.slow)
  }
  assert.equal(position, end)
}

for (const disk of [true, false]) {
  test(`whoever reads whichever part while a blob comes ${disk ? 'to the disk' : 'into memory'} gets its bytes`, async () => {
    let count = 0
    await fc.assert(
      fc.asyncProperty(transfer, async ({ size, offset, cuts, chunk, readers, farRange }) => {
        const upstream = await world.upstream()
        const blob = Buffer.from(pool.subarray(0, size))
        blob.writeUInt32BE((count += 1) * 2 + (disk ? 1 : 0))
        blob.writeUInt32BE(offset, 4)
        const { digest } = await push(upstream.registry, blob)
        const left = cuts.map((cut) => Math.floor((cut * size) / 1000))
        upstream.fault = (request) => {
          const isFar = request.header('range')?.endsWith(`-${size - 1}`) === false
          const cutAt = isFar ? undefined : left.shift()
          return cutAt === undefined ? { chunk, every: 1 } : { cutAt }
        }
        const cache = await world.cache([upstream], { disk, config: { farRange } })
        const path = `/v2/hub/a/b/blobs/${digest}`
        await Promise.all(readers.map((each) => read(cache, path, blob, each)))
        await cache.proxy.idle()
        const whole = await cache.get(path)
        assert.ok(Buffer.from(await whole.arrayBuffer()).equals(blob))
        const starts = upstream.asked.filter((request) => request.header('range') === undefined)
        assert.equal(starts.length, 1)
      }),
      { numRuns: Number(process.env['GANTRY_FUZZ_RUNS'] ?? 6) },
    )
  })
}
