import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { readerOf } from '@gantry/image'
import { MediaType } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from './index.ts'

test('a name that is given again to what has it changes nothing, and still needs the content', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-names-'))
  const codec = createCodec()
  const state = openState(join(directory, 'state.db'), [storeMigrations])
  const store = await openStore({ root: join(directory, 'content'), state, codec })
  try {
    const bytes = new TextEncoder().encode('{}')
    const one = { mediaType: MediaType.imageManifest, digest: digestOf(bytes), size: bytes.length }
    await store.put(one, readerOf(bytes))
    await store.tag('localhost/app:1', one)
    await store.flush()
    const index = join(store.root, 'index.json')
    const before = statSync(index).ino
    await store.tag('localhost/app:1', one)
    await store.flush()
    assert.equal(statSync(index).ino, before)
    await store.delete(one.digest)
    await assert.rejects(store.tag('localhost/app:1', one), { code: 'MANIFEST_UNKNOWN' })
  } finally {
    await store[Symbol.asyncDispose]()
    await codec.close()
    state[Symbol.dispose]()
    rmSync(directory, { recursive: true, force: true })
  }
})
