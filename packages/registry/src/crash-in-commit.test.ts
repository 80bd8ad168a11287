import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { MemoryStore, readerOf } from '@gantry/image'
import { openState } from '@gantry/state'
import { UploadRecords } from './upload-records.ts'
import { ask, startUpload } from './fixtures/registry-fixture.ts'
import { createRegistry, memoryStorage, registryMigrations } from './index.ts'

const codec = createCodec()
after(() => codec.close())
const blob = Buffer.from('what was received')
const digest = digestOf(blob)
const { length: size } = blob

for (const [rule, committing, status] of [
  ['is that blob', { digest, size }, 201],
  ['is not one that it never was', undefined, 400],
  ['is not one of another size', { digest, size: size + 1 }, 400],
  ['is not another one', { digest: digestOf(Buffer.from('other')), size }, 400],
] as const) {
  test(`an upload whose server ended after it became a blob, and before it said so, ${rule}`, async () => {
    using state = openState(':memory:', registryMigrations)
    const store = new MemoryStore(codec)
    await store.put({ mediaType: 'application/octet-stream', digest, size }, readerOf(blob))
    const location = await startUpload(createRegistry({ storage: memoryStorage(store, codec), state }), 'a')
    const id = location.split('/').at(-1) ?? ''
    if (committing !== undefined) new UploadRecords(state).beginCommit(id, committing)
    // The next server: the bytes of the upload are gone, the blob is there.
    const registry = createRegistry({ storage: memoryStorage(store, codec), state })
    assert.equal((await ask(registry, 'PUT', `${location}?digest=${digest}`)).status, status)
    assert.equal((await ask(registry, 'HEAD', `/v2/a/blobs/${digest}`)).status, status === 201 ? 200 : 404)
    assert.equal((await ask(registry, 'GET', location)).status, 404)
  })
}
