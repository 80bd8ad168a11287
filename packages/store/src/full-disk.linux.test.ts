import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { MediaType } from '@gantry/oci'
import { openState } from '@gantry/state'
import type { State } from '@gantry/state'
import { openStore, storeMigrations } from './index.ts'
import type { Store } from './index.ts'

const skip = process.getuid?.() === 0 ? false : 'mounting a small file system needs root'
const codeIs = (code: string) => (error: unknown) => error instanceof Error && 'code' in error && error.code === code
const codec = createCodec()
after(() => codec.close())

describe('a full disk', { skip }, () => {
  let root = ''
  let state: State
  let store: Store
  const filler = (): string => join(root, 'filler')

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'gantry-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'none', root])
    mkdirSync(join(root, 'r'))
    state = openState(join(root, 'r', 'state.db'), [storeMigrations])
    store = await openStore({ root: join(root, 'r', 'content'), state, codec })
  })
  after(async () => {
    rmSync(filler(), { force: true })
    await store[Symbol.asyncDispose]()
    state[Symbol.dispose]()
    execFileSync('umount', [root])
    rmdirSync(root)
  })

  /** Takes all the room there is. */
  function fill(): void {
    const isFull = codeIs('ENOSPC')
    assert.throws(() => writeFileSync(filler(), Buffer.alloc(8 * 1024 * 1024)), isFull)
    assert.equal(statfsSync(root).bavail, 0)
  }

  test('leaves nothing of a blob, and is the error that is told although the lease cannot be given up', async () => {
    const bytes = Buffer.alloc(16 * 1024 * 1024, 'layer ')
    const descriptor = { mediaType: MediaType.layerTar, digest: digestOf(bytes), size: bytes.length }
    const body = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 65_536) {
        // As the log of the database is full, too, nothing can be deleted from it.
        if (at === 1024 * 1024) fill()
        yield bytes.subarray(at, at + 65_536)
      }
    }
    const pull = async (): Promise<void> => {
      await using lease = store.lease('new')
      lease.add(descriptor.digest)
      await store.put(descriptor, body())
    }
    await assert.rejects(pull(), codeIs('STORE_FULL'))
    assert.deepEqual(readdirSync(join(store.root, 'ingest')), [])
    rmSync(filler())
  })

  test('is what a database that cannot be opened says', () => {
    const path = join(root, 'other.db')
    openState(path, [storeMigrations])[Symbol.dispose]()
    fill()
    assert.throws(() => openState(path, [storeMigrations]), codeIs('STATE_FULL'))
    rmSync(filler())
    openState(path, [storeMigrations])[Symbol.dispose]()
  })
})
