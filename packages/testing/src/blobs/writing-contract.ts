import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlobSink, BlobSource } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'
import { bodyOf, bytesOf, describe, readAll } from './bytes.ts'
import { expectCode } from './expect-code.ts'
import type { MakeBlobStore } from './store-fixture.ts'

/** The half of the blob store contract that is about writing. */
export function writingContract(makeStore: MakeBlobStore): void {
  const bytes = bytesOf(3, 200_000)
  const descriptor = describe(bytes)
  const otherBytes = bytesOf(4, bytes.length)

  test('a blob is there after it has been put, not before', async () => {
    await using fixture = await makeStore()
    await assertAbsent(fixture.store, descriptor)
    await fixture.store.put(descriptor, bodyOf(bytes))
    await assertPresent(fixture.store, descriptor, bytes)
  })

  test('a blob may be put again', async () => {
    await using fixture = await makeStore()
    await fixture.store.put(descriptor, bodyOf(bytes))
    await fixture.store.put(descriptor, bodyOf(bytes))
    await assertPresent(fixture.store, descriptor, bytes)
  })

  test('small and uneven chunks make the same blob', async () => {
    await using fixture = await makeStore()
    await fixture.store.put(descriptor, bodyOf(bytes, 777))
    await assertPresent(fixture.store, descriptor, bytes)
  })

  for (const [what, body, code] of [
    ['other bytes', otherBytes, 'DIGEST_MISMATCH'],
    ['fewer bytes', bytes.subarray(0, -1), 'SIZE_MISMATCH'],
    ['no bytes', bytes.subarray(0, 0), 'SIZE_MISMATCH'],
    ['more bytes', Buffer.concat([bytes, new Uint8Array(1)]), 'SIZE_MISMATCH'],
  ] as const) {
    test(`a body of ${what} is refused with ${code} and leaves nothing`, async () => {
      await using fixture = await makeStore()
      await expectCode(fixture.store.put(descriptor, bodyOf(body)), code)
      await assertAbsent(fixture.store, descriptor)
      await fixture.store.put(descriptor, bodyOf(bytes))
      await assertPresent(fixture.store, descriptor, bytes)
    })
  }

  test('a body that fails makes the put fail, and leaves nothing', async () => {
    await using fixture = await makeStore()
    await expectCode(fixture.store.put(descriptor, failing(bytes)), 'CABLE')
    await assertAbsent(fixture.store, descriptor)
  })

  test('an abort ends a put whose body hangs, and leaves nothing', { timeout: 20_000 }, async () => {
    await using fixture = await makeStore()
    const controller = new AbortController()
    const reason = new Error('enough')
    const hanging = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 100_000)
      setImmediate(() => controller.abort(reason))
      await new Promise(() => undefined)
    }
    const put = fixture.store.put(descriptor, hanging(), { signal: controller.signal })
    await assert.rejects(put, (error) => error === reason || (error as Error).name === 'AbortError')
    await assertAbsent(fixture.store, descriptor)
  })

  test('a put under an aborted signal fails with its reason', async () => {
    await using fixture = await makeStore()
    const reason = new Error('enough')
    await assert.rejects(fixture.store.put(descriptor, bodyOf(bytes), { signal: AbortSignal.abort(reason) }), reason)
    await assertAbsent(fixture.store, descriptor)
  })

  test('a blob that is being put is not there yet', async () => {
    await using fixture = await makeStore()
    const seen: boolean[] = []
    const watching = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 150_000)
      seen.push(await isThere(fixture.store, descriptor))
      yield bytes.subarray(150_000)
    }
    await fixture.store.put(descriptor, watching())
    assert.deepEqual(seen, [false])
    await assertPresent(fixture.store, descriptor, bytes)
  })

  test('many puts of one blob at once all succeed', async () => {
    await using fixture = await makeStore()
    const puts = Array.from({ length: 8 }, (_, at) => fixture.store.put(descriptor, bodyOf(bytes, 10_000 + at)))
    await Promise.all(puts)
    await assertPresent(fixture.store, descriptor, bytes)
  })

  test('a bad put beside good ones of the same blob fails alone', async () => {
    await using fixture = await makeStore()
    const bad = fixture.store.put(descriptor, slowly(otherBytes)).then(
      () => 'accepted',
      () => 'refused',
    )
    await Promise.all([fixture.store.put(descriptor, bodyOf(bytes)), fixture.store.put(descriptor, bodyOf(bytes))])
    // Accepted is right as well: what is there already need not be read.
    assert.match(await bad, /accepted|refused/)
    await assertPresent(fixture.store, descriptor, bytes)
  })

  test('many blobs at once are kept apart', async () => {
    await using fixture = await makeStore()
    const blobs = Array.from({ length: 12 }, (_, at) => bytesOf(100 + at, 1000 * at))
    await Promise.all(blobs.map((each) => fixture.store.put(describe(each), bodyOf(each))))
    for (const each of blobs) await assertPresent(fixture.store, describe(each), each)
  })
}

async function isThere(store: BlobSource & BlobSink, descriptor: Descriptor): Promise<boolean> {
  const has = await store.has?.(descriptor)
  if (has !== undefined) return has
  return store.open(descriptor).then(
    async (reader) => {
      await reader[Symbol.asyncDispose]()
      return true
    },
    () => false,
  )
}

async function assertAbsent(store: BlobSource & BlobSink, descriptor: Descriptor): Promise<void> {
  assert.equal(await isThere(store, descriptor), false)
  await expectCode(store.open(descriptor), 'BLOB_UNKNOWN')
}

async function assertPresent(store: BlobSource & BlobSink, descriptor: Descriptor, bytes: Uint8Array): Promise<void> {
  assert.equal(await isThere(store, descriptor), true)
  await using reader = await store.open(descriptor)
  assert.deepEqual(await readAll(reader), Buffer.from(bytes))
}

async function* failing(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, bytes.length / 2)
  throw Object.assign(new Error('the cable was cut'), { code: 'CABLE' })
}

async function* slowly(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, bytes.length / 2)
  await new Promise((resolve) => setTimeout(resolve, 20))
  yield bytes.subarray(bytes.length / 2)
}
