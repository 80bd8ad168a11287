import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import { copy, randomImage, readerOf, type BlobSink, type ReferrerLister } from '@gantry/image'
import { encodeJson, MediaType, type Descriptor, type Digest } from '@gantry/oci'
import { describe } from './bytes.ts'
import type { MakeReferrerStore } from './store-fixture.ts'
import { testCodec } from './test-codec.ts'

/** What every `ReferrerLister` that is also a sink promises, as tests. `makeStore` makes an empty one for each. */
export function referrersContract(name: string, makeStore: MakeReferrerStore): void {
  const codec = testCodec()

  suite(`${name} keeps the contract of referrers`, () => {
    test('nothing refers to what nobody refers to', async () => {
      await using fixture = await makeStore()
      const { descriptor } = await randomImage({ codec, seed: 1 })
      assert.deepEqual(await list(fixture.store, descriptor.digest), [])
    })

    test('referrers are listed with type and annotations, and by type', async () => {
      await using fixture = await makeStore()
      const image = await randomImage({ codec, seed: 2 })
      await copy(image.source, fixture.store, image.descriptor)
      const sbom = await putArtifact(fixture.store, image.descriptor, 'application/vnd.example.sbom')
      const signature = await putArtifact(fixture.store, image.descriptor, 'application/vnd.example.signature')
      const all = await list(fixture.store, image.descriptor.digest)
      assert.deepEqual(all.map((each) => each.digest).toSorted(), [sbom.digest, signature.digest].toSorted())
      const found = await list(fixture.store, image.descriptor.digest, 'application/vnd.example.sbom')
      assert.equal(found.length, 1)
      assert.equal(found[0]?.digest, sbom.digest)
      assert.equal(found[0]?.artifactType, 'application/vnd.example.sbom')
      assert.deepEqual(found[0]?.annotations, { 'org.example.kind': 'application/vnd.example.sbom' })
    })

    test('a referrer may come before its subject', async () => {
      await using fixture = await makeStore()
      const image = await randomImage({ codec, seed: 3 })
      const sbom = await putArtifact(fixture.store, image.descriptor, 'application/vnd.example.sbom')
      const found = await list(fixture.store, image.descriptor.digest)
      assert.deepEqual(
        found.map((each) => each.digest),
        [sbom.digest],
      )
    })
  })
}

async function list(store: ReferrerLister, digest: Digest, artifactType?: string): Promise<Descriptor[]> {
  return Array.fromAsync(store.referrers(digest, artifactType))
}

async function putArtifact(sink: BlobSink, subject: Descriptor, artifactType: string): Promise<Descriptor> {
  const empty = encodeJson({})
  const config = describe(empty, { mediaType: MediaType.emptyJson })
  const bytes = encodeJson({
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    artifactType,
    config,
    layers: [config],
    subject,
    annotations: { 'org.example.kind': artifactType },
  })
  const descriptor = describe(bytes, { mediaType: MediaType.imageManifest })
  await sink.put(config, readerOf(empty))
  await sink.put(descriptor, readerOf(bytes))
  return descriptor
}
