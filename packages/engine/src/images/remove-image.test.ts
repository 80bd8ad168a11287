import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import { ledgerMigrations } from '@gantry/linux'
import type { Descriptor } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations, type Store } from '@gantry/store'
import { hostPlatform, imageOf, temporaryDirectory } from '@gantry/testing'
import { createImages, engineMigrations, type Images } from '../index.ts'

interface World extends AsyncDisposable {
  readonly store: Store
  readonly images: Images
  /** Called when the images to remove are known and none has lost a name. */
  meanwhile: () => Promise<void>
  /** Makes an image without layers that differs from others by its command. */
  image(command: string): Promise<Descriptor>
}

async function world(): Promise<World> {
  await using held = new AsyncDisposableStack()
  const directory = held.use(await temporaryDirectory())
  const codec = held.use(createCodec())
  const state = held.use(
    openState(join(directory.path, 'state.db'), [storeMigrations, ledgerMigrations, engineMigrations]),
  )
  const store = held.use(await openStore({ root: join(directory.path, 'content'), state, codec }))
  const nothing = { removed: [], bytes: 0 }
  const made: World = {
    store,
    images: createImages({
      store: {
        ...store,
        reachable: async (...what) => {
          const found = await store.reachable(...what)
          await made.meanwhile()
          return found
        },
      },
      state,
      codec,
      platform: hostPlatform(),
      snapshots: {
        unpack: () => Promise.reject(new Error('no snapshots')),
        chainOf: () => Promise.resolve(undefined),
        has: () => false,
        gc: () => Promise.resolve(nothing),
        list: () => ({ layers: [], snapshots: [] }),
      },
      remote: () => Promise.reject(new Error('no remotes')),
    }),
    meanwhile: () => Promise.resolve(),
    image: async (command) => (await imageOf(store, [], { codec, config: { Cmd: [command] } })).descriptor,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
  const all = held.move()
  return made
}

describe('images', () => {
  test('that get a name while others are pruned keep it', async () => {
    await using made = await world()
    const { store, images } = made
    const [old, fresh] = [await made.image('old'), await made.image('new')]
    await store.tag('localhost/app:1', old)
    await store.tag('localhost/other:1', old)
    made.meanwhile = () => store.tag('localhost/app:1', fresh)
    const { removals } = await images.prune({ all: true })
    assert.deepEqual(
      removals.filter((each) => 'untagged' in each),
      [{ untagged: 'localhost/other:1' }],
    )
    assert.deepEqual(
      store.names().map(({ name, descriptor }) => [name, descriptor.digest]),
      [['localhost/app:1', fresh.digest]],
    )
    assert.equal(store.size(old.digest), undefined)
    assert.deepEqual((await images.find('localhost/app:1')).config.config?.Cmd, ['new'])
    assert.deepEqual(store.events().map(({ kind, name }) => [kind, name])[0], ['untag', 'localhost/other:1'])
  })

  test('that are removed by a name keep another that was moved on the way', async () => {
    await using made = await world()
    const { store, images } = made
    const [old, fresh] = [await made.image('old'), await made.image('new')]
    await store.tag('localhost/app:1', old)
    made.meanwhile = () => store.tag('localhost/app:1', fresh)
    const removals = await images.remove('localhost/app:1')
    assert.equal(removals.length, 1)
    assert.ok(removals[0] !== undefined && 'deleted' in removals[0])
    assert.deepEqual(await store.resolve('localhost/app:1'), fresh)
  })
})
