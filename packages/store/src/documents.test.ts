import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import type { Digest } from '@gantry/oci'
import { openState } from '@gantry/state'
import type { State } from '@gantry/state'
import { Documents } from './documents.ts'
import { currentHolder, isOfThisBoot } from './holder.ts'
import { openStore, storeMigrations } from './index.ts'
import type { Store } from './index.ts'
import { LayoutPaths } from './layout-paths.ts'
import { createSyncDirectory } from './sync-directory.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-documents-'))
const codec = createCodec()
after(async () => {
  await codec.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Processes that are no more: one of this boot, one of another. */
const dead = currentHolder().replace(/^\d+\.\d+/, '1.1')
const lost = '1.1.00000000-0000-4000-8000-000000000000'

let count = 0
const freshRoot = (): string => join(directory, String((count += 1)))

interface Opened extends AsyncDisposable {
  readonly store: Store
  readonly state: State
}

async function open(root: string, holder?: string): Promise<Opened> {
  const state = openState(join(root, 'state.db'), [storeMigrations])
  const options = { root: join(root, 'content'), state, codec }
  const store = await openStore(holder === undefined ? options : { ...options, holder })
  return {
    store,
    state,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      state[Symbol.dispose]()
    },
  }
}

async function put({ store, state }: Opened, text: string, keep = true): Promise<Digest> {
  const bytes = Buffer.from(text)
  const digest = digestOf(bytes)
  await store.writeDocument(digest, bytes)
  if (keep) state.transaction(() => store.keepDocument(digest, bytes))
  return digest
}

const pending = ({ state }: Opened): number =>
  Number(state.prepare('SELECT count(*) AS n FROM store_documents').get()?.['n'])

describe('a document', () => {
  test('is there at once as a blob that everybody can read, and leaves nothing else', async () => {
    await using opened = await open(freshRoot())
    const { store } = opened
    const digest = await put(opened, '{"one":1}')
    assert.equal(readFileSync(store.path(digest), 'utf8'), '{"one":1}')
    assert.equal(statSync(store.path(digest)).mode & 0o777, 0o644)
    assert.deepEqual(readdirSync(join(store.root, 'ingest')), [])
    assert.equal(pending(opened), 1)
  })

  test('of the first of an algorithm makes its directory', async () => {
    await using opened = await open(freshRoot())
    const bytes = Buffer.from('{}')
    const digest = digestOf(bytes, 'sha512')
    await opened.store.writeDocument(digest, bytes)
    assert.equal(opened.store.size(digest), 2)
  })

  test('that was collected between the two calls is written again', async () => {
    await using opened = await open(freshRoot())
    const digest = await put(opened, 'a', false)
    rmSync(opened.store.path(digest))
    opened.state.transaction(() => opened.store.keepDocument(digest, Buffer.from('a')))
    assert.equal(opened.store.size(digest), 1)
  })

  test('that is there counts as put now, so that a collection lets it be', async () => {
    await using opened = await open(freshRoot())
    const digest = await put(opened, 'a')
    const collected = await opened.store.gc({ grace: 0, isNeeded: () => false })
    assert.deepEqual(collected.removed, [digest])
    await put(opened, 'a')
    assert.deepEqual((await opened.store.gc()).removed, [])
  })

  test('that the machine lost when it stopped is there when the store is opened again', async () => {
    const root = freshRoot()
    let empty: Digest | undefined
    let gone: Digest | undefined
    let whole: Digest | undefined
    let unkept: Digest | undefined
    {
      await using opened = await open(root, lost)
      empty = await put(opened, 'empty')
      gone = await put(opened, 'gone')
      whole = await put(opened, 'whole')
      unkept = await put(opened, 'unkept', false)
      truncateSync(opened.store.path(empty), 0)
      for (const digest of [gone, unkept]) rmSync(opened.store.path(digest))
    }
    await using again = await open(root)
    for (const digest of [empty, gone, whole]) {
      assert.equal(digestOf(readFileSync(again.store.path(digest))), digest)
    }
    assert.equal(again.store.size(unkept), undefined)
    assert.equal(pending(again), 0)
  })

  test('that only a process left is settled by another one', async () => {
    const root = freshRoot()
    await using before = await open(root, dead)
    const digest = await put(before, 'left')
    await using again = await open(root)
    assert.equal(pending(again), 1)
    const paths = new LayoutPaths(again.store.root)
    const parts = { state: again.state, paths, holder: currentHolder(), syncDirectory: createSyncDirectory() }
    const documents = new Documents(parts)
    await put(again, 'newer')
    await documents.settle(1)
    assert.equal(pending(again), 1)
    rmSync(again.store.path(digestOf(Buffer.from('newer'))))
    await documents.settle(2)
    assert.equal(pending(again), 0)
    assert.equal(again.store.size(digest), 4)
  })
})

test('a holder is told from one before the machine was started', () => {
  assert.deepEqual([currentHolder(), dead, lost, 'no holder'].map(isOfThisBoot), [true, true, false, true])
})
