import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import { copy, randomImage } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'
import type { MakeTagStore } from './store-fixture.ts'
import { testCodec } from './test-codec.ts'

/** How names are tested. */
export interface TagContractOptions {
  /** The name that the implementation takes for a tag; by default a full one. A repository's is the tag itself. */
  readonly nameOf?: (tag: string) => string
}

/** What every `TagResolver & TagWriter` promises, as tests. `makeStore` makes an empty one for each. */
export function tagContract(name: string, makeStore: MakeTagStore, options: TagContractOptions = {}): void {
  const { nameOf = (tag) => `registry.example/app:${tag}` } = options
  const codec = testCodec()

  suite(`${name} keeps the contract of names`, () => {
    test('an unknown name or digest resolves to undefined', async () => {
      await using fixture = await makeStore()
      const { descriptor } = await randomImage({ codec, seed: 1 })
      assert.equal(await fixture.store.resolve(nameOf('absent')), undefined)
      assert.equal(await fixture.store.resolve(descriptor.digest), undefined)
    })

    test('a name resolves to what was tagged', async () => {
      await using fixture = await makeStore()
      const image = await randomImage({ codec, seed: 2 })
      await copy(image.source, fixture.store, image.descriptor)
      await fixture.store.tag(nameOf('one'), image.descriptor)
      assertSame(await fixture.store.resolve(nameOf('one')), image.descriptor)
      assert.equal(await fixture.store.resolve(nameOf('two')), undefined)
    })

    test('a digest resolves without a name', async () => {
      await using fixture = await makeStore()
      const image = await randomImage({ codec, seed: 3 })
      await copy(image.source, fixture.store, image.descriptor)
      assertSame(await fixture.store.resolve(image.descriptor.digest), image.descriptor)
    })

    test('a name can be moved, and content can have several', async () => {
      await using fixture = await makeStore()
      const [first, second] = [await randomImage({ codec, seed: 4 }), await randomImage({ codec, seed: 5 })]
      for (const image of [first, second]) await copy(image.source, fixture.store, image.descriptor)
      await fixture.store.tag(nameOf('moves'), first.descriptor)
      await fixture.store.tag(nameOf('stays'), first.descriptor)
      await fixture.store.tag(nameOf('moves'), second.descriptor)
      assertSame(await fixture.store.resolve(nameOf('moves')), second.descriptor)
      assertSame(await fixture.store.resolve(nameOf('stays')), first.descriptor)
    })

    test('tagging twice is as tagging once', async () => {
      await using fixture = await makeStore()
      const image = await randomImage({ codec, seed: 6 })
      await copy(image.source, fixture.store, image.descriptor)
      await fixture.store.tag(nameOf('again'), image.descriptor)
      await fixture.store.tag(nameOf('again'), image.descriptor)
      assertSame(await fixture.store.resolve(nameOf('again')), image.descriptor)
    })

    test('what is not there cannot be tagged', async () => {
      await using fixture = await makeStore()
      const { descriptor } = await randomImage({ codec, seed: 7 })
      await assert.rejects(fixture.store.tag(nameOf('absent'), descriptor))
      assert.equal(await fixture.store.resolve(nameOf('absent')), undefined)
    })
  })
}

function assertSame(found: Descriptor | undefined, expected: Descriptor): void {
  const { mediaType, digest, size } = expected
  assert.deepEqual(found && { mediaType: found.mediaType, digest: found.digest, size: found.size }, {
    mediaType,
    digest,
    size,
  })
}
