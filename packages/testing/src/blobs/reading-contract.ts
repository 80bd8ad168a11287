import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf, bytesOf, describe, readAll } from './bytes.ts'
import { expectCode } from './expect-code.ts'
import type { MakeBlobStore } from './store-fixture.ts'

const size = 300_000

const ranges: readonly { rule: string; start: number; end?: number; expected: [number, number] }[] = [
  { rule: 'a part in the middle', start: 1000, end: 200_000, expected: [1000, 200_000] },
  { rule: 'one byte', start: 7, end: 8, expected: [7, 8] },
  { rule: 'no end: to the last byte', start: 299_990, expected: [299_990, size] },
  { rule: 'an end behind the blob is cut', start: 299_990, end: 400_000, expected: [299_990, size] },
  { rule: 'nothing', start: 5, end: 5, expected: [5, 5] },
  { rule: 'nothing at the end', start: size, expected: [size, size] },
]

/** The half of the blob store contract that is about reading. */
export function readingContract(makeStore: MakeBlobStore): void {
  const bytes = bytesOf(1, size)
  const descriptor = describe(bytes)

  for (const [what, content] of [
    ['an empty blob', new Uint8Array()],
    ['a small blob', bytesOf(2, 1)],
    ['a blob of several chunks', bytes],
  ] as const) {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      test(`${what} by ${algorithm} is read as it was put`, async () => {
        await using fixture = await makeStore()
        const described = describe(content, { algorithm })
        await fixture.store.put(described, bodyOf(content))
        await using reader = await fixture.store.open(described)
        assert.equal(reader.size, content.length)
        assert.deepEqual(await readAll(reader), Buffer.from(content))
      })
    }
  }

  test('an unknown blob is not opened', async () => {
    await using fixture = await makeStore()
    await expectCode(fixture.store.open(descriptor), 'BLOB_UNKNOWN')
  })

  test('ranges give their part', async (context) => {
    await using fixture = await makeStore()
    await fixture.store.put(descriptor, bodyOf(bytes))
    for (const { rule, start, end, expected } of ranges) {
      await context.test(rule, async () => {
        const range = end === undefined ? { start } : { start, end }
        await using reader = await fixture.store.open(descriptor, { range })
        assert.equal(reader.size, expected[1] - expected[0])
        assert.deepEqual(await readAll(reader), Buffer.from(bytes.subarray(...expected)))
      })
    }
  })

  test('a range that begins behind the blob, or ends before it begins, is refused', async () => {
    await using fixture = await makeStore()
    await fixture.store.put(descriptor, bodyOf(bytes))
    await expectCode(fixture.store.open(descriptor, { range: { start: size + 1 } }), 'RANGE_INVALID')
    await expectCode(fixture.store.open(descriptor, { range: { start: 9, end: 8 } }), 'RANGE_INVALID')
    await expectCode(fixture.store.open(descriptor, { range: { start: -1 } }), 'RANGE_INVALID')
  })

  test('several readers of one blob do not disturb each other', async () => {
    await using fixture = await makeStore()
    await fixture.store.put(descriptor, bodyOf(bytes))
    const read = async (): Promise<Buffer> => {
      await using reader = await fixture.store.open(descriptor)
      return readAll(reader)
    }
    for (const each of await Promise.all([read(), read(), read()])) assert.deepEqual(each, Buffer.from(bytes))
  })

  test('a reader may be left unread, or broken off', async () => {
    await using fixture = await makeStore()
    await fixture.store.put(descriptor, bodyOf(bytes))
    {
      await using unread = await fixture.store.open(descriptor)
      assert.equal(unread.size, size)
    }
    await using reader = await fixture.store.open(descriptor)
    for await (const chunk of reader) {
      assert.ok(chunk.length > 0)
      break
    }
  })

  test('opening under an aborted signal fails with its reason', async () => {
    await using fixture = await makeStore()
    await fixture.store.put(descriptor, bodyOf(bytes))
    const reason = new Error('enough')
    await assert.rejects(fixture.store.open(descriptor, { signal: AbortSignal.abort(reason) }), reason)
  })

  test('reading ends when the signal is aborted', async () => {
    await using fixture = await makeStore()
    await fixture.store.put(descriptor, bodyOf(bytes))
    const controller = new AbortController()
    await using reader = await fixture.store.open(descriptor, { signal: controller.signal })
    const reason = new Error('enough')
    controller.abort(reason)
    await assert.rejects(readAll(reader), (error) => error === reason || (error as Error).name === 'AbortError')
  })
}
