import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { encodeJson, MediaType } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import { createRegistry, diskStorage, registryMigrations, serveRegistry } from './index.ts'
import type { RegistryRequest, ServedRegistry } from './index.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-faults-'))
const opened: AsyncDisposableStack = new AsyncDisposableStack()
const failures: unknown[] = []
/** More than the buffers of two sockets hold. */
const large = randomBytes(24_000_000)
let served: ServedRegistry

before(async () => {
  const codec = opened.use(createCodec())
  const state = opened.use(openState(join(directory, 'state.db'), [storeMigrations, ...registryMigrations]))
  const store = opened.use(await openStore({ root: join(directory, 'content'), state, codec }))
  const onError = (error: unknown): void => void failures.push(error)
  const registry = opened.use(createRegistry({ storage: opened.use(diskStorage(store)), state, onError }))
  served = await serveRegistry({ registry, port: 0, idleTimeout: 1000, onError })
})
after(async () => {
  await served.close({ timeout: 1000 })
  await opened.disposeAsync()
  rmSync(directory, { recursive: true, force: true })
  assert.deepEqual(failures, [])
})

/** Says something on a connection of its own, and gives what came until it was closed, by whomever. */
async function talk(say: (socket: Socket) => void, until?: RegExp): Promise<string> {
  return new Promise((resolve) => {
    let heard = ''
    const socket = connect(served.port, '127.0.0.1', () => say(socket))
    socket.on('data', (chunk: Buffer) => {
      heard = (heard + chunk.toString('latin1')).slice(-100_000)
      if (until?.test(heard) === true) socket.destroy()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(heard))
  })
}

async function start(repository: string): Promise<string> {
  const response = await fetch(`${served.address}/v2/${repository}/blobs/uploads/`, { method: 'POST' })
  return response.headers.get('location') ?? ''
}

const stagings = (): readonly string[] => readdirSync(join(directory, 'content/ingest'))
const isAlive = async (): Promise<boolean> => (await fetch(`${served.address}/v2/`)).ok

describe('a registry whose clients misbehave', () => {
  test('one that stops in the middle of an upload is given up, and can go on', async () => {
    const location = await start('slow/up')
    await talk((socket) => {
      socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(10)}`)
    })
    assert.equal((await fetch(`${served.address}${location}`)).headers.get('range'), '0-9')
    const rest = { method: 'PUT', body: 'y'.repeat(10), headers: { 'Content-Range': '10-19' } }
    const digest = digestOf(Buffer.from(`${'x'.repeat(10)}${'y'.repeat(10)}`))
    assert.equal((await fetch(`${served.address}${location}?digest=${digest}`, rest)).status, 201)
  })

  test('one that sends slowly but steadily is not', async () => {
    const location = await start('slow/steady')
    const heard = await talk((socket) => {
      socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n`)
      let sent = 0
      const timer = setInterval(() => {
        socket.write('x')
        if ((sent += 1) === 6) clearInterval(timer)
      }, 150)
    }, /\r\n\r\n/)
    assert.match(heard, /^HTTP\/1.1 202 /)
  })

  test('one that does not take what it asked for is given up', async () => {
    const digest = digestOf(large)
    const pushed = await fetch(`${served.address}/v2/slow/down/blobs/uploads/?digest=${digest}`, {
      method: 'POST',
      body: large,
    })
    assert.equal(pushed.status, 201)
    const closed = new Promise<number>((resolve) => {
      const socket = connect(served.port, '127.0.0.1', () => {
        socket.write(`GET /v2/slow/down/blobs/${digest} HTTP/1.1\r\nHost: x\r\n\r\n`)
        socket.pause()
      })
      let bytes = 0
      socket.on('data', (chunk: Buffer) => void (bytes += chunk.length))
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(bytes))
      socket.pause()
      setTimeout(() => socket.resume(), 3000)
    })
    assert.ok((await closed) < large.length)
    assert.ok(await isAlive())
  })

  test('a blob that is shorter than its Content-Length leaves nothing behind', async () => {
    const before = stagings().length
    const digest = digestOf(large)
    await talk((socket) => {
      socket.end(
        `POST /v2/short/blobs/uploads/?digest=${digest} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nno more`,
      )
    })
    assert.equal((await fetch(`${served.address}/v2/short/blobs/${digest}`, { method: 'HEAD' })).status, 404)
    assert.equal(stagings().length, before)
  })

  test('what comes after the Content-Length is not part of the blob', async () => {
    const digest = digestOf(Buffer.from('12345'))
    const heard = await talk((socket) => {
      const path = `/v2/long/blobs/uploads/?digest=${digest}`
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      )
    })
    assert.match(heard, /^HTTP\/1.1 201 /)
    assert.match(heard, /HTTP\/1.1 200 /)
    const response = await fetch(`${served.address}/v2/long/blobs/${digest}`)
    assert.equal(await response.text(), '12345')
  })

  for (const [name, header] of [
    ['a length that is none', 'Content-Length: 1e3'],
    ['a negative length', 'Content-Length: -1'],
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6'],
    ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked'],
    ['a header that is too long', `X-Long: ${'x'.repeat(100_000)}`],
  ] as const) {
    test(`${name} is refused`, async () => {
      const heard = await talk((socket) => {
        socket.write(`POST /v2/lying/blobs/uploads/ HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n12345`)
      })
      assert.match(heard, /^HTTP\/1.1 4\d\d /)
      assert.ok(await isAlive())
    })
  }

  test('a manifest without a length is refused when it becomes too long, and the client hears it', async () => {
    const part = new Uint8Array(1024 * 1024).fill(0x20)
    const body = new ReadableStream({
      async start(controller) {
        for (let i = 0; i < 6; i++) controller.enqueue(part)
        controller.close()
      },
    })
    const headers = { 'Content-Type': MediaType.imageManifest }
    const init = { method: 'PUT', body, headers, duplex: 'half' } as RequestInit
    assert.equal((await fetch(`${served.address}/v2/much/manifests/x`, init)).status, 413)
  })

  test('the connection of a refused upload goes on', async () => {
    const body = 'x'.repeat(200_000)
    const heard = await talk((socket) => {
      socket.write(
        `PUT /v2/a/manifests/-bad HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}` +
          `GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      )
    }, /200 OK[\s\S]*\{\}/)
    assert.match(heard, /^HTTP\/1.1 400 /)
    assert.match(heard, /HTTP\/1.1 200 /)
  })

  test('one that never ends a refused upload is cut off', async () => {
    const chunk = Buffer.alloc(1024 * 1024)
    let sent = 0
    const heard = await talk((socket) => {
      socket.write('PUT /v2/a/manifests/-bad HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n')
      const more = (): void => {
        socket.write(chunk, (error) => {
          if (error) return
          sent += 1
          more()
        })
      }
      more()
    })
    assert.match(heard, /^HTTP\/1.1 400 /)
    assert.ok(sent < 200, `${sent} MiB were taken`)
  })

  test('a request that is no HTTP harms nobody', async () => {
    await talk((socket) => socket.write(randomBytes(2000)))
    assert.ok(await isAlive())
  })

  test('no content is ever coded, whatever the client accepts', async () => {
    const document = encodeJson({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [] })
    const headers = { 'Content-Type': MediaType.imageIndex }
    const put = await fetch(`${served.address}/v2/coded/manifests/x`, {
      method: 'PUT',
      body: Buffer.from(document),
      headers,
    })
    assert.equal(put.status, 201)
    const digest = digestOf(large)
    for (const path of ['/v2/coded/manifests/x', `/v2/slow/down/blobs/${digest}`, '/v2/_catalog', '/v2/']) {
      const response = await fetch(`${served.address}${path}`, {
        method: 'HEAD',
        headers: { 'Accept-Encoding': 'zstd;q=1.0, gzip;q=0.8, deflate;q=0.5', Accept: 'text/none' },
      })
      assert.equal(response.status, 200, path)
      assert.equal(response.headers.get('content-encoding'), null)
      assert.ok(Number(response.headers.get('content-length')) > 0)
    }
  })

  test('the adapter says who asks and whence', async () => {
    let seen: RegistryRequest | undefined
    const registry = {
      answer: async (request: RegistryRequest) => {
        seen = request
        return { status: 204, headers: {} }
      },
    }
    const other = await serveRegistry({ registry, port: 0 })
    await fetch(`${other.address}/v2/`)
    await other.close()
    assert.equal(seen?.peer, '127.0.0.1')
    assert.equal(seen?.scheme, 'http')
    assert.equal(seen?.host, `127.0.0.1:${other.port}`)
    assert.equal(seen?.principal, undefined)
  })
})
