import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import type { PartialBlob } from '@gantry/image'
import { digestHex, MediaType, parseDigest } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { openState } from '@gantry/state'
import { expectCode, readAll } from '@gantry/testing'
import * as fc from 'fast-check'
import { openStore, storeMigrations } from '../index.ts'
import type { Store } from '../index.ts'
import { encodeMap, encodeRecord, readMap } from './partial-map.ts'
import { SpanSet } from './span-set.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const codec = stack.use(createCodec())
const bytes = randomBytes(3_000_000)

function describeAs(algorithm: 'sha256' | 'sha512'): Descriptor {
  const digest = parseDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`)
  return { mediaType: MediaType.layerTar, digest, size: bytes.length }
}
const blob = describeAs('sha256')

async function storeAt(root: string): Promise<Store> {
  const state = stack.use(openState(join(root, 'state.db'), [storeMigrations]))
  return stack.use(await openStore({ root: join(root, 'content'), state, codec, leastPartial: 1000 }))
}

function freshRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'gantry-partial-'))
  stack.defer(() => rmSync(root, { recursive: true, force: true }))
  return root
}

async function opened(store: Store, descriptor = blob): Promise<PartialBlob> {
  const partial = await store.partial(descriptor)
  return partial ?? assert.fail('no partial blob was opened')
}

const write = (partial: PartialBlob, start: number, end: number): Promise<void> =>
  partial.write(start, [bytes.subarray(start, start + 10), bytes.subarray(start + 10, end)])

describe('the bytes of a partial blob', () => {
  test('are a set of spans', () => {
    const span = fc.tuple(fc.nat(60), fc.nat(20)).map(([start, length]) => [start, start + length] as const)
    fc.assert(
      fc.property(fc.array(span), fc.nat(90), (all, size) => {
        const set = new SpanSet()
        const there = new Set<number>()
        for (const [start, end] of all) {
          set.add(start, end)
          for (let i = start; i < end; i++) there.add(i)
        }
        const listed = set.spans.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i))
        assert.deepEqual(
          listed,
          [...there].toSorted((a, b) => a - b),
        )
        assert.equal(set.bytes, there.size)
        const gaps = set
          .missing(size)
          .flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i))
        assert.deepEqual(
          gaps,
          Array.from({ length: size }, (_, i) => i).filter((i) => !there.has(i)),
        )
        assert.equal(
          set.contiguous,
          Array.from({ length: 90 }, (_, i) => i).find((i) => !there.has(i)),
        )
        for (let i = 1; i < set.spans.length; i++) assert.ok((set.spans[i]?.start ?? 0) > (set.spans[i - 1]?.end ?? 0))
      }),
    )
  })

  test('are read from a map as far as it is whole, whatever was torn', () => {
    const span = fc
      .tuple(fc.nat(900), fc.integer({ min: 1, max: 100 }))
      .map(([start, length]) => [start, start + length] as const)
    fc.assert(
      fc.property(
        fc.array(span, { maxLength: 20 }),
        fc.nat(400),
        fc.uint8Array({ maxLength: 50 }),
        (all, cut, noise) => {
          const map = Buffer.concat(all.map(([start, end]) => encodeRecord(start, end)))
          const torn = readMap(Buffer.concat([map.subarray(0, cut), noise]), 1000)
          const whole = new SpanSet()
          for (const [start, end] of all.slice(0, Math.floor(cut / 20))) whole.add(start, end)
          // The noise is not a record of a checksum, so nothing comes of it.
          assert.deepEqual(torn.spans, whole.spans)
          assert.deepEqual(readMap(encodeMap(whole), 1000).spans, whole.spans)
        },
      ),
    )
  })

  test('are not believed to lie behind the end of the blob', () => {
    assert.deepEqual(readMap(encodeRecord(10, 30), 20).spans, [])
  })
})

for (const algorithm of ['sha256', 'sha512'] as const) {
  test(`a blob (${algorithm}) can be written in any order`, async () => {
    const store = await storeAt(freshRoot())
    const descriptor = describeAs(algorithm)
    await using partial = await opened(store, descriptor)
    await Promise.all([write(partial, 2_000_000, 3_000_000), write(partial, 0, 100_000)])
    assert.deepEqual(partial.missing(), [{ start: 100_000, end: 2_000_000 }])
    await expectCode(partial.commit(), 'SIZE_MISMATCH')
    await write(partial, 90_000, 2_000_000)
    await partial.commit()
    assert.ok((await readAll(await store.open(descriptor))).equals(bytes))
    assert.deepEqual(readdirSync(join(store.root, 'ingest')), [])
    assert.equal(await store.partial(descriptor), undefined)
  })
}

test('what is there outlives who wrote it, a torn map included', async () => {
  const root = freshRoot()
  const store = await storeAt(root)
  {
    await using partial = await opened(store)
    await write(partial, 0, 1_000_000)
    await write(partial, 1_500_000, 1_600_000)
  }
  const map = join(store.root, 'ingest', `partial-sha256-${digestHex(blob.digest)}.map`)
  truncateSync(map, readFileSync(map).length - 3)
  appendFileSync(map, 'nothing that was ever a record')
  const other = await storeAt(root)
  await using partial = await opened(other)
  assert.deepEqual(partial.missing(), [{ start: 1_000_000, end: bytes.length }])
  await write(partial, 1_000_000, bytes.length)
  await partial.commit()
  assert.equal(await store.has(blob), true)
})

test('a map that tells more than the file has is not believed', async () => {
  const root = freshRoot()
  const store = await storeAt(root)
  const data = join(store.root, 'ingest', `partial-sha256-${digestHex(blob.digest)}`)
  writeFileSync(data, bytes.subarray(0, 500_000))
  writeFileSync(`${data}.map`, Buffer.concat([encodeRecord(0, 400_000), encodeRecord(400_000, 3_000_000)]))
  await using partial = await opened(store)
  assert.deepEqual(partial.missing(), [{ start: 400_000, end: bytes.length }])
})

test('wrong bytes are found out, and all of them go', async () => {
  const store = await storeAt(freshRoot())
  await using partial = await opened(store)
  await write(partial, 0, 2_999_999)
  await partial.write(2_999_999, [Uint8Array.of((bytes[2_999_999] ?? 0) ^ 1)])
  await expectCode(partial.commit(), 'DIGEST_MISMATCH')
  assert.deepEqual(partial.missing(), [{ start: 0, end: bytes.length }])
  await write(partial, 0, bytes.length)
  await partial.commit()
  assert.equal(await store.has(blob), true)
})

test('a second writer waits for the first', async () => {
  const root = freshRoot()
  const [one, two] = [await storeAt(root), await storeAt(root)]
  const first = await opened(one)
  const second = two.partial(blob)
  await write(first, 0, 1_000_000)
  await first[Symbol.asyncDispose]()
  await using partial = (await second) ?? assert.fail('the second did not get it')
  assert.deepEqual(partial.missing(), [{ start: 1_000_000, end: bytes.length }])
})

test('a second writer has nothing to do when the first is done, and can leave', async () => {
  const root = freshRoot()
  const [one, two] = [await storeAt(root), await storeAt(root)]
  await using first = await opened(one)
  const left = two.partial(blob, { signal: AbortSignal.abort(new Error('left')) })
  await assert.rejects(left, { message: 'left' })
  const second = two.partial(blob)
  await write(first, 0, bytes.length)
  await first.commit()
  assert.equal(await second, undefined)
})

test('only old ones that nobody writes are collected', async () => {
  const store = await storeAt(freshRoot())
  const ingest = join(store.root, 'ingest')
  {
    await using partial = await opened(store)
    await write(partial, 0, 1_000_000)
    assert.equal(await store.prunePartials({ age: -1000 }), 0)
  }
  await store.gc()
  assert.equal(readdirSync(ingest).length, 3)
  const old = Date.now() / 1000 - 8 * 24 * 3600
  for (const name of readdirSync(ingest)) utimesSync(join(ingest, name), old, old)
  assert.ok((await store.prunePartials({ dryRun: true })) >= 1_000_000)
  assert.equal(readdirSync(ingest).length, 3)
  await store.gc()
  assert.deepEqual(readdirSync(ingest), [])
})
