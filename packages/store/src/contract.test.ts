import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { createCodec } from '@gantry/codec'
import { openState } from '@gantry/state'
import { blobStoreContract, tagContract } from '@gantry/testing'
import type { Fixture } from '@gantry/testing'
import { openStore, storeMigrations } from './index.ts'
import type { Store } from './index.ts'

const codec = createCodec()
after(() => codec.close())

async function makeStore(): Promise<Fixture<Store>> {
  const root = mkdtempSync(join(tmpdir(), 'gantry-store-contract-'))
  const state = openState(join(root, 'state.db'), [storeMigrations])
  const store = await openStore({ root: join(root, 'content'), state, codec })
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      state[Symbol.dispose]()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

blobStoreContract('the content store', makeStore)
tagContract('the content store', makeStore)
