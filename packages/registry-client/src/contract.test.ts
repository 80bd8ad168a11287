import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { createCodec } from '@gantry/codec'
import { MemoryStore } from '@gantry/image'
import { createRegistry, diskStorage, memoryStorage, registryMigrations, serveRegistry } from '@gantry/registry'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import { blobStoreContract, referrersContract, tagContract } from '@gantry/testing'
import type { Fixture } from '@gantry/testing'
import { createRegistryClient } from './index.ts'
import type { RemoteRepository } from './index.ts'

const codec = createCodec()
after(() => codec.close())
const credentials = async (): Promise<undefined> => undefined
const reference = { registry: 'registry.example', repository: 'app' }

async function inMemory(): Promise<Fixture<RemoteRepository>> {
  const state = openState(':memory:', registryMigrations)
  const registry = createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state })
  const client = createRegistryClient({ fetch: registry.handle, credentials })
  return {
    store: client.repository(reference),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]()
      state[Symbol.dispose]()
    },
  }
}

async function overHttp(): Promise<Fixture<RemoteRepository>> {
  const root = mkdtempSync(join(tmpdir(), 'gantry-client-contract-'))
  const stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(root, { recursive: true, force: true }))
  const state = stack.use(openState(join(root, 'state.db'), [storeMigrations, ...registryMigrations]))
  const store = stack.use(await openStore({ root: join(root, 'content'), state, codec }))
  const registry = stack.use(createRegistry({ storage: stack.use(diskStorage(store)), state }))
  const served = await serveRegistry({ registry, port: 0 })
  stack.defer(() => served.close({ timeout: 100 }))
  const client = createRegistryClient({ credentials, codec })
  const repository = client.repository({ registry: `127.0.0.1:${served.port}`, repository: 'a/b' })
  return { store: repository, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

for (const [name, make] of Object.entries({ 'in this process': inMemory, 'over HTTP': overHttp })) {
  blobStoreContract(`a registry ${name}`, make)
  tagContract(`a registry ${name}`, make, { nameOf: (tag) => tag })
  referrersContract(`a registry ${name}`, make)
}
