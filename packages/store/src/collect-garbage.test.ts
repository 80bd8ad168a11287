import { createCodec } from '@gantry/codec'
import assert from 'node:assert/strict'
import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { digestOf } from '@gantry/codec'
import { readerOf } from '@gantry/image'
import { encodeJson, MediaType } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { openState } from '@gantry/state'
import { temporaryDirectory } from '@gantry/testing'
import { openStore, storeMigrations } from './index.ts'
import type { Store } from './index.ts'

async function withStore(work: (store: Store) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory()
  await using codec = createCodec()
  using state = openState(join(directory.path, 'state.db'), [storeMigrations])
  await using store = await openStore({ root: join(directory.path, 'content'), state, codec })
  await work(store)
}

async function putBytes(store: Store, bytes: Uint8Array, mediaType = 'application/octet-stream'): Promise<Descriptor> {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length }
  await store.put(descriptor, readerOf(bytes))
  return descriptor
}

function age(store: Store): void {
  const time = Date.now() / 1000 - 36_000
  const blobs = join(store.root, 'blobs/sha256')
  for (const name of readdirSync(blobs)) utimesSync(join(blobs, name), time, time)
}

describe('a collection', () => {
  test('what a lease or pin leads to is kept, also when it came after it was looked for', () =>
    withStore(async (store) => {
      const config = await putBytes(store, Buffer.from('{}'))
      const layer = await putBytes(store, Buffer.from('layer'))
      const bytes = encodeJson({ schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: [layer] })
      const manifest = { mediaType: MediaType.imageManifest, digest: digestOf(bytes), size: bytes.length }
      // Many of them, so that the collection is not done when the manifest comes.
      for (let i = 0; i < 200; i++) await putBytes(store, Buffer.from(`garbage ${i}`))
      await using lease = store.lease([manifest.digest])
      age(store)
      const collecting = store.gc()
      await putBytes(store, bytes, MediaType.imageManifest)
      lease.add(manifest.digest)
      assert.equal((await collecting).removed.includes(layer.digest), false)
      assert.equal((await store.reachable(manifest)).size, 3)
    }))

  test('what is staged under a key is listed, stays, and can be removed', () =>
    withStore(async (store) => {
      for (const key of ['a-1', 'a-2', 'b-1']) {
        await using staging = await store.stage({ key })
        await staging.write(Buffer.from(key))
        await staging.flush()
      }
      await store.gc({ grace: 0 })
      const keys = store.staged('a-').map(({ key, size }) => `${key} ${size}`)
      assert.deepEqual(keys.toSorted(), ['a-1 3', 'a-2 3'])
      assert.equal(await store.unstage('a-1'), true)
      assert.equal(await store.unstage('a-1'), false)
      assert.equal(store.staged().length, 2)
    }))
})
