import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { readerOf } from '@gantry/image'
import { type Descriptor, MediaType } from '@gantry/oci'
import { openState, type State } from '@gantry/state'
import { openStore, type Store, storeMigrations } from './index.ts'

/** A store in a directory of its own, opened twice, as by two processes. */
async function openTwice(): Promise<{ store: Store; other: Store; state: State } & AsyncDisposable> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-names-'))
  await using held = new AsyncDisposableStack()
  held.defer(() => rmSync(directory, { recursive: true, force: true }))
  const codec = held.use(createCodec())
  const open = async (): Promise<{ store: Store; state: State }> => {
    const state = held.use(openState(join(directory, 'state.db'), [storeMigrations]))
    return { store: held.use(await openStore({ root: join(directory, 'content'), state, codec })), state }
  }
  const { store, state } = await open()
  const { store: other } = await open()
  const all = held.move()
  return { store, other, state, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

async function put(store: Store, text: string): Promise<Descriptor> {
  const bytes = new TextEncoder().encode(JSON.stringify(text))
  const descriptor = { mediaType: MediaType.imageManifest, digest: digestOf(bytes), size: bytes.length }
  await store.put(descriptor, readerOf(bytes))
  return descriptor
}

test('a name that is given again to what has it changes nothing, and still needs the content', async () => {
  await using opened = await openTwice()
  const { store } = opened
  const one = await put(store, 'one')
  await store.tag('localhost/app:1', one)
  await store.flush()
  const index = join(store.root, 'index.json')
  const before = statSync(index).ino
  await store.tag('localhost/app:1', one)
  await store.flush()
  assert.equal(statSync(index).ino, before)
  await store.delete(one.digest)
  await assert.rejects(store.tag('localhost/app:1', one), { code: 'MANIFEST_UNKNOWN' })
})

test('a name is taken away from what it is known to stand for, not from what has got it since', async () => {
  await using opened = await openTwice()
  const { store, other } = opened
  const [one, two] = [await put(store, 'one'), await put(store, 'two')]
  await store.tag('localhost/app:1', one)
  await other.tag('localhost/app:1', two)
  assert.equal(store.untag('localhost/app:1', one.digest), false)
  assert.deepEqual(await store.resolve('localhost/app:1'), two)
  assert.equal(store.untag('localhost/app:1', two.digest), true)
  assert.equal(await store.resolve('localhost/app:1'), undefined)
})

test('names are the same list until one changes: here, in another process, or in a transaction that is taken back', async () => {
  await using opened = await openTwice()
  const { store, other, state } = opened
  const [one, two] = [await put(store, 'one'), await put(store, 'two')]
  const listed = (): string[] => store.names().map(({ name, descriptor }) => `${name} ${descriptor.digest}`)
  await store.tag('localhost/app:1', one)
  assert.equal(store.names(), store.names())
  await other.tag('localhost/app:1', two)
  assert.deepEqual(listed(), [`localhost/app:1 ${two.digest}`])
  assert.throws(() =>
    state.transaction(() => {
      store.untag('localhost/app:1')
      assert.deepEqual(listed(), [])
      throw new Error('not after all')
    }),
  )
  assert.deepEqual(listed(), [`localhost/app:1 ${two.digest}`])
  // As many changes as there were when nothing was listed.
  await other.tag('localhost/app:2', one)
  assert.deepEqual(listed(), [`localhost/app:1 ${two.digest}`, `localhost/app:2 ${one.digest}`])
})
