import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { createCodec, digestOf } from '@gantry/codec'
import { readerOf } from '@gantry/image'
import { encodeJson, MediaType } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import type { Store } from '@gantry/store'
import { startServer } from './fixtures/server-process.ts'
import { createRegistry, diskStorage, registryMigrations, serveRegistry } from './index.ts'
import type { ServedRegistry } from './index.ts'

const run = promisify(execFile)
const directory = mkdtempSync(join(tmpdir(), 'gantry-serve-'))
const opened: AsyncDisposableStack = new AsyncDisposableStack()
const big = randomBytes(5_000_000)
let store: Store
let served: ServedRegistry

before(async () => {
  const codec = opened.use(createCodec())
  const state = opened.use(openState(join(directory, 'state.db'), [storeMigrations, ...registryMigrations]))
  store = opened.use(await openStore({ root: join(directory, 'content'), state, codec }))
  const registry = opened.use(createRegistry({ storage: opened.use(diskStorage(store)), state }))
  served = await serveRegistry({ registry, port: 0 })
})
after(async () => {
  await served.close({ timeout: 1000 })
  await opened.disposeAsync()
  rmSync(directory, { recursive: true, force: true })
})

async function put(bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length }
  await store.put(descriptor, readerOf(bytes))
  return descriptor
}

async function localImage(name: string): Promise<Descriptor> {
  const layer = await put(big, MediaType.layerTar)
  const rootfs = { type: 'layers', diff_ids: [layer.digest] }
  const config = await put(encodeJson({ architecture: 'amd64', os: 'linux', rootfs }), MediaType.imageConfig)
  const document = { schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: [layer] }
  const manifest = await put(encodeJson(document), MediaType.imageManifest)
  await store.tag(name, manifest)
  await store.flush()
  return manifest
}

const without = (path: string): false | string => (existsSync(path) ? false : `${path} is not installed`)

describe('serveRegistry', () => {
  test('takes an upload and gives it back, to curl', { skip: without('/usr/bin/curl') }, async () => {
    const file = join(directory, 'big')
    const back = join(directory, 'back')
    writeFileSync(file, big)
    const digest = digestOf(big)
    const curl = (...args: string[]): Promise<{ stdout: string }> => run('curl', ['-sS', '--fail-with-body', ...args])
    const started = await curl('-X', 'POST', '-D', '-', `${served.address}/v2/curl/test/blobs/uploads/`)
    const location = /location: (\S+)/i.exec(started.stdout)?.[1] ?? ''
    await curl('-X', 'PATCH', '-H', 'Transfer-Encoding: chunked', '-T', file, `${served.address}${location}`)
    await curl('-X', 'PUT', `${served.address}${location}?digest=${digest}`)
    await curl('-o', back, `${served.address}/v2/curl/test/blobs/${digest}`)
    await run('cmp', [file, back])
    const { stdout } = await curl(
      '-r',
      '1000-1999',
      '-o',
      back,
      '-D',
      '-',
      `${served.address}/v2/curl/test/blobs/${digest}`,
    )
    assert.match(stdout, /206 Partial Content/)
    assert.match(stdout, new RegExp(`content-range: bytes 1000-1999/${big.length}`, 'i'))
  })

  test('skopeo pushes and pulls', { skip: without('/usr/bin/skopeo') }, async () => {
    const manifest = await localImage('localhost/skopeo:1')
    const remote = `docker://127.0.0.1:${served.port}/skopeo/test:1`
    const layout = `oci:${join(directory, 'layout')}:1`
    const tls = ['--src-tls-verify=false', '--dest-tls-verify=false']
    await run('skopeo', ['copy', ...tls, '--preserve-digests', `oci:${store.root}:localhost/skopeo:1`, remote])
    const inspected = await run('skopeo', ['inspect', '--tls-verify=false', '--raw', remote])
    assert.equal(digestOf(Buffer.from(inspected.stdout)), manifest.digest)
    await run('skopeo', ['copy', ...tls, '--preserve-digests', remote, layout])
    const back = await run('skopeo', ['inspect', '--raw', layout])
    assert.equal(digestOf(Buffer.from(back.stdout)), manifest.digest)
    const tags = await run('skopeo', ['list-tags', '--tls-verify=false', remote.replace(/:1$/, '')])
    assert.deepEqual((JSON.parse(tags.stdout) as { Tags: string[] }).Tags, ['1'])
    await run('skopeo', ['delete', '--tls-verify=false', remote])
    await assert.rejects(run('skopeo', ['inspect', '--tls-verify=false', remote]))
  })

  test('a client that drops its connection in the middle harms nobody', async () => {
    const { digest } = await localImage('localhost/dropped:1')
    const mount = `${served.address}/v2/dropped/blobs/uploads/?mount=${digestOf(big)}`
    assert.equal((await fetch(mount, { method: 'POST' })).status, 201)
    for (let i = 0; i < 10; i++) {
      await new Promise<void>((resolve, reject) => {
        const socket = connect(served.port, '127.0.0.1', () => {
          socket.write(`GET /v2/dropped/blobs/${digestOf(big)} HTTP/1.1\r\nHost: x\r\nRange: bytes=${i}-\r\n\r\n`)
        })
        socket.once('data', () => socket.destroy())
        socket.once('close', () => resolve())
        socket.once('error', reject)
      })
    }
    assert.equal((await fetch(`${served.address}/v2/dropped/blobs/${digest}`)).status, 404)
    const response = await fetch(`${served.address}/v2/dropped/blobs/${digestOf(big)}`)
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(big))
  })

  test('an upload that is cut off can be gone on with', async () => {
    const started = await fetch(`${served.address}/v2/cut/blobs/uploads/`, { method: 'POST' })
    const location = started.headers.get('location') ?? ''
    await new Promise<void>((resolve) => {
      const socket = connect(served.port, '127.0.0.1', () => {
        socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: ${big.length}\r\n\r\n`)
        socket.write(big.subarray(0, 1_000_000), () => setTimeout(() => socket.destroy(), 50))
      })
      socket.once('close', () => resolve())
    })
    const status = await fetch(`${served.address}${location}`)
    const end = Number(status.headers.get('range')?.split('-')[1])
    assert.ok(end > 0 && end < 1_000_000)
    const rest = {
      method: 'PUT',
      body: big.subarray(end + 1),
      headers: { 'Content-Range': `${end + 1}-${big.length - 1}` },
    }
    assert.equal((await fetch(`${served.address}${location}?digest=${digestOf(big)}`, rest)).status, 201)
  })

  test('a push to the registry of the same root copies no byte', async () => {
    const manifest = await localImage('localhost/same:1')
    const bytes = Buffer.from(await new Response(new Uint8Array(await collect(manifest))).arrayBuffer())
    const image = JSON.parse(bytes.toString()) as { config: Descriptor; layers: Descriptor[] }
    for (const { digest } of [image.config, ...image.layers]) {
      const mounted = await fetch(`${served.address}/v2/same/blobs/uploads/?mount=${digest}`, { method: 'POST' })
      assert.equal(mounted.status, 201)
    }
    const headers = { 'Content-Type': MediaType.imageManifest }
    const pushed = await fetch(`${served.address}/v2/same/manifests/1`, { method: 'PUT', body: bytes, headers })
    assert.equal(pushed.status, 201)
    assert.deepEqual(store.pinnedBy(manifest.digest), ['registry/same'])
    assert.equal((await fetch(`${served.address}/v2/`)).headers.get('gantry-store'), store.id)
  })

  test('an upload survives a server that was killed', async () => {
    const root = join(directory, 'killed')
    const first = await startServer(root)
    const started = await fetch(`${first.address}/v2/killed/blobs/uploads/`, { method: 'POST' })
    const location = started.headers.get('location') ?? ''
    const patch = { method: 'PATCH', body: big.subarray(0, 2_000_000) }
    assert.equal((await fetch(`${first.address}${location}`, patch)).status, 202)
    await first.kill()
    await using second = await startServer(root)
    const status = await fetch(`${second.address}${location}`)
    assert.equal(status.headers.get('range'), '0-1999999')
    const rest = { method: 'PUT', body: big.subarray(2_000_000) }
    assert.equal((await fetch(`${second.address}${location}?digest=${digestOf(big)}`, rest)).status, 201)
    const response = await fetch(`${second.address}/v2/killed/blobs/${digestOf(big)}`)
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(big))
  })

  test('takes a whole address for the path', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(served.port, '127.0.0.1', () => {
        socket.write('GET http://registry.example/v2/ HTTP/1.1\r\nHost: registry.example\r\nConnection: close\r\n\r\n')
      })
      let text = ''
      socket.on('data', (chunk) => (text += chunk.toString()))
      socket.once('close', () => resolve(text))
      socket.once('error', reject)
    })
    assert.match(answer, /^HTTP\/1\.1 200 /)
  })

  test('says that a port is taken', async () => {
    const registry = { answer: () => assert.fail('nobody asks') }
    await assert.rejects(serveRegistry({ registry, port: served.port }), { code: 'EADDRINUSE' })
  })
})

async function collect(descriptor: Descriptor): Promise<Uint8Array> {
  await using reader = await store.open(descriptor)
  const parts: Uint8Array[] = []
  for await (const part of reader) parts.push(part)
  return Buffer.concat(parts)
}
