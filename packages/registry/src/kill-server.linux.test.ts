import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { encodeJson, MediaType } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import { startServer } from './fixtures/server-process.ts'
import type { ServerProcess } from './fixtures/server-process.ts'
import { createRegistry, diskStorage, rebuildRegistry, registryMigrations } from './index.ts'

/** `GANTRY_TEST_KILLS=300` for a night. */
const kills = Number(process.env['GANTRY_TEST_KILLS'] ?? 6)
const pushers = 4

/** What the server has said that it has. */
interface Acknowledged {
  readonly blobs: Map<string, Digest>
  readonly manifests: Map<string, { readonly digest: Digest; readonly bytes: Uint8Array }>
}

/** Sends until it is answered, over as many servers as that takes; the answer before may have been lost. */
async function send(server: () => Promise<ServerProcess>, path: string, init: RequestInit): Promise<Response> {
  let failure: unknown
  for (let tries = 0; tries < 200; tries++) {
    try {
      const response = await fetch(`${(await server()).address}${path}`, init)
      if (response.status < 500) return response
      failure = response.status
    } catch (error) {
      // The server was killed: the next one is asked.
      failure = error
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${path} was never answered`, { cause: failure })
}

async function pushBlob(server: () => Promise<ServerProcess>, repository: string, bytes: Buffer): Promise<Digest> {
  const digest = digestOf(bytes)
  for (;;) {
    const started = await send(server, `/v2/${repository}/blobs/uploads/`, { method: 'POST' })
    const location = started.headers.get('location') ?? ''
    for (let offset = 0; offset < bytes.length;) {
      const end = Math.min(offset + 300_000, bytes.length)
      const headers = { 'Content-Range': `${offset}-${end - 1}` }
      const body = new Uint8Array(bytes.subarray(offset, end))
      const response = await send(server, location, { method: 'PATCH', body, headers })
      assert.ok(response.status === 202 || response.status === 416, `PATCH ${response.status}`)
      const status = await send(server, location, { method: 'GET' })
      assert.equal(status.status, 204, 'an upload that was begun is not forgotten')
      const last = Number(status.headers.get('range')?.slice(2))
      offset = last === 0 ? 0 : last + 1
    }
    const done = await send(server, `${location}?digest=${digest}`, { method: 'PUT' })
    // 404: the answer to a PUT that was done was lost with the server.
    if (done.status === 201) return digest
    assert.equal(done.status, 404)
    const head = await send(server, `/v2/${repository}/blobs/${digest}`, { method: 'HEAD' })
    if (head.status === 200) return digest
  }
}

async function pushImages(
  server: () => Promise<ServerProcess>,
  acknowledged: Acknowledged,
  { repository, isDone }: { readonly repository: string; readonly isDone: () => boolean },
): Promise<void> {
  for (let n = 0; !isDone(); n++) {
    const layer = randomBytes(randomInt(1, 900_000))
    const config = Buffer.from(encodeJson({ n, repository }))
    const digests = [await pushBlob(server, repository, config), await pushBlob(server, repository, layer)] as const
    for (const digest of digests) acknowledged.blobs.set(`${repository} ${digest}`, digest)
    const document = {
      schemaVersion: 2,
      mediaType: MediaType.imageManifest,
      config: { mediaType: MediaType.imageConfig, digest: digests[0], size: config.length },
      layers: [{ mediaType: MediaType.layerTar, digest: digests[1], size: layer.length }],
    }
    const bytes = encodeJson(document)
    const headers = { 'Content-Type': MediaType.imageManifest }
    const path = `/v2/${repository}/manifests/t${n}`
    const response = await send(server, path, { method: 'PUT', body: new Uint8Array(bytes), headers })
    assert.equal(response.status, 201)
    acknowledged.manifests.set(path, { digest: digestOf(bytes), bytes })
  }
}

test(
  'a server that is killed again and again loses nothing that it acknowledged',
  { timeout: 60_000 + kills * 5000 },
  async () => {
    const root = mkdtempSync(join(tmpdir(), 'gantry-kill-'))
    const acknowledged: Acknowledged = { blobs: new Map(), manifests: new Map() }
    let current = startServer(root)
    try {
      let left = kills
      const isDone = (): boolean => left <= 0
      const kill = async (): Promise<void> => {
        while (!isDone()) {
          await new Promise((resolve) => setTimeout(resolve, randomInt(20, 500)))
          await (await current).kill()
          current = startServer(root)
          await current
          left -= 1
        }
      }
      const pushing = Array.from({ length: pushers }, (_, n) =>
        pushImages(() => current, acknowledged, { repository: `r${n}`, isDone }),
      )
      try {
        await Promise.all([...pushing, kill()])
      } finally {
        left = 0
        await Promise.allSettled(pushing)
      }
      const { address } = await current
      for (const [path, { digest, bytes }] of acknowledged.manifests) {
        const response = await fetch(`${address}${path}`)
        assert.equal(response.headers.get('docker-content-digest'), digest)
        assert.deepEqual(new Uint8Array(await response.arrayBuffer()), new Uint8Array(bytes))
      }
      for (const [key, digest] of acknowledged.blobs) {
        const response = await fetch(`${address}/v2/${key.split(' ')[0]}/blobs/${digest}`)
        assert.equal(digestOf(Buffer.from(await response.arrayBuffer())), digest)
      }
      assert.ok(acknowledged.manifests.size > 0)
    } finally {
      await (await current).kill()
    }
    await checkFiles(root)
    rmSync(root, { recursive: true, force: true })
  },
)

/** The files beside the blobs are whole too, after whatever was being written when the server died. */
async function checkFiles(root: string): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const state = stack.use(openState(join(root, 'state.db'), [storeMigrations, ...registryMigrations]))
  const codec = stack.use(createCodec())
  const store = stack.use(await openStore({ root: join(root, 'content'), state, codec }))
  const storage = stack.use(diskStorage(store))
  const registry = createRegistry({ storage, state })
  await registry[Symbol.asyncDispose]()
  const rebuilt = await rebuildRegistry({ storage, state })
  assert.deepEqual([rebuilt.tags, rebuilt.missing, rebuilt.unreadable], [0, [], []])
  assert.ok(rebuilt.manifests > 0)
  assert.ok(readdirSync(join(root, 'content/repositories')).length > 0)
}
