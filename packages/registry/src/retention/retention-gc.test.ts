import { createCodec } from '@gantry/codec'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join } from 'node:path'
import { readDocument } from '@gantry/image'
import { parseManifest } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import { bytesOf, file, imageOf, temporaryDirectory } from '@gantry/testing'
import { createRegistry } from '../create-registry.ts'
import { diskStorage } from '../disk-storage.ts'
import { collectRegistryGarbage } from '../gc/collect-registry-garbage.ts'
import { registryMigrations } from '../registry-migrations.ts'
import { applyRetention } from './apply-retention.ts'
import { planRetention } from './plan-retention.ts'
import { parseRetentionConfig } from './retention-config.ts'

test('what a plan says can be collected is what garbage collection removes after it', async () => {
  await using directory = await temporaryDirectory()
  await using codec = createCodec()
  using state = openState(join(directory.path, 'state.db'), [storeMigrations, ...registryMigrations])
  await using store = await openStore({ root: join(directory.path, 'content'), state, codec })
  let planned = 0
  const blobs = async (): Promise<number> => {
    let sum = 0
    for await (const { size } of store.blobs()) sum += size
    return sum
  }
  {
    await using storage = diskStorage(store)
    await using registry = createRegistry({ storage, state })
    const push = async (seeds: readonly number[], tag: string): Promise<void> => {
      const layers = seeds.map((seed) => [file(`file-${seed}`, bytesOf(seed, 10_000))])
      const image = await imageOf(store, layers, { codec })
      const document = await readDocument(store, image.descriptor)
      const { config, layers: parts } = parseManifest(document)
      for (const { digest } of [config, ...parts]) {
        const mount = new Request(`http://r/v2/app/blobs/uploads/?mount=${digest}`, { method: 'POST' })
        assert.equal((await registry.handle(mount)).status, 201)
      }
      const put = await registry.handle(
        new Request(`http://r/v2/app/manifests/${tag}`, {
          method: 'PUT',
          body: new Uint8Array(document),
          headers: { 'content-type': image.descriptor.mediaType },
        }),
      )
      assert.equal(put.status, 201)
    }
    await push([1, 2], 'v1')
    await push([1, 3], 'v2')
    const rules = [{ repositories: ['**'], keep: [{ tags: ['v2'] }] }]
    const config = parseRetentionConfig({ rules })
    const before = await blobs()
    const plan = await planRetention({ config, state, storage })
    assert.equal(plan.manifests, 1)
    assert.ok(plan.bytes > 10_000)
    await applyRetention({ answer: registry.answer, state }, plan)
    assert.equal(await blobs(), before, 'retention itself removes no blob')
    planned = plan.bytes
  }
  const before = await blobs()
  const { bytes } = await collectRegistryGarbage({ state, store }, { grace: 0, pending: 0 })
  assert.equal(bytes, planned)
  assert.equal(await blobs(), before - planned)
})
