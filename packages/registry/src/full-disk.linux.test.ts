import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { MemoryStore } from '@gantry/image'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import {
  createProxy,
  createRegistry,
  diskStorage,
  memoryStorage,
  parseProxyConfig,
  registryMigrations,
  serveRegistry,
} from './index.ts'

const skip = process.getuid?.() === 0 ? false : 'mounting a small file system needs root'
const mebibyte = 1024 * 1024

test(
  'a server whose disk is full refuses pushes and fills, serves on, and goes on when there is room',
  { skip },
  async () => {
    await using stack = new AsyncDisposableStack()
    const root = mkdtempSync(join(tmpdir(), 'gantry-full-server-'))
    stack.defer(() => rmdirSync(root))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'none', root])
    stack.defer(() => void execFileSync('umount', [root]))
    const codec = stack.use(createCodec())

    const far = randomBytes(12 * mebibyte)
    const farState = stack.use(openState(':memory:', registryMigrations))
    const farStorage = memoryStorage(new MemoryStore(codec), codec)
    const upstream = stack.use(createRegistry({ storage: farStorage, state: farState }))
    const farServed = await serveRegistry({ registry: upstream, port: 0 })
    stack.defer(() => farServed.close({ timeout: 100 }))

    const state = stack.use(openState(join(root, 'state.db'), [storeMigrations, ...registryMigrations]))
    const store = stack.use(await openStore({ root: join(root, 'content'), state, codec }))
    const storage = stack.use(diskStorage(store))
    const core = stack.use(createRegistry({ storage, state }))
    const registry = `127.0.0.1:${farServed.port}`
    const config = parseProxyConfig({ upstreams: [{ registry, prefix: 'far', insecure: true }] })
    const proxy = stack.use(createProxy({ config, storage, state }))
    const served = await serveRegistry({ registry: { answer: proxy.middleware(core.answer) }, port: 0 })
    stack.defer(() => served.close({ timeout: 100 }))

    const push = async (address: string, bytes: Buffer): Promise<number> => {
      const path = `${address}/v2/app/blobs/uploads/?digest=${digestOf(bytes)}`
      const answer = await fetch(path, { method: 'POST', body: new Uint8Array(bytes) })
      await answer.arrayBuffer()
      return answer.status
    }
    const read = async (name: string, bytes: Buffer): Promise<boolean> => {
      const answer = await fetch(`${served.address}/v2/${name}/blobs/${digestOf(bytes)}`)
      return answer.ok && Buffer.from(await answer.arrayBuffer()).equals(bytes)
    }
    const small = randomBytes(mebibyte)
    assert.equal(await push(served.address, small), 201)
    assert.equal(await push(farServed.address, far), 201)
    const filler = join(root, 'filler')
    writeFileSync(filler, Buffer.alloc(6 * mebibyte))

    const large = randomBytes(12 * mebibyte)
    assert.ok((await push(served.address, large)) >= 500)
    // What does not fit in the cache is not shown as whole, whether it was an error or a stream that broke.
    await read('far/app', far).then(
      (isWhole) => assert.equal(isWhole, store.size(digestOf(far)) !== undefined),
      () => undefined,
    )
    assert.equal(store.size(digestOf(far)), undefined)
    assert.equal(store.size(digestOf(large)), undefined)
    assert.ok(await read('app', small), 'what is there is served')
    assert.deepEqual(
      readdirSync(join(store.root, 'ingest')).filter((name) => !name.startsWith('upload-')),
      [],
    )

    rmSync(filler)
    await proxy.idle()
    for (const name of readdirSync(join(store.root, 'ingest'))) rmSync(join(store.root, 'ingest', name))
    assert.equal(await push(served.address, large), 201)
    assert.ok(await read('app', large))
  },
)
