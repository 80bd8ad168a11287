import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import { MemoryStore, randomImage, readDocument, readerOf } from '@gantry/image'
import { MediaType, parseDigest } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { expectCode, readAll, testCodec } from '@gantry/testing'
import { createRegistryClient, RegistryError } from './index.ts'
import type { RegistryClientOptions, RemoteRepository } from './index.ts'
import { nodeTransport } from './transport/node-transport.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

const codec = testCodec()
const bytes = randomBytes(300_000)
const blob: Descriptor = {
  mediaType: MediaType.layerTar,
  digest: parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`),
  size: bytes.length,
}
const waits: number[] = []

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => void request.resume().on('end', () => handler(request, response)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

function repositoryAt(registry: string, options: RegistryClientOptions = {}): RemoteRepository {
  const retry = { sleep: async (milliseconds: number) => void waits.push(milliseconds), random: () => 0 }
  const client = createRegistryClient({ credentials: async () => undefined, retry, ...options })
  return client.repository({ registry, repository: 'app' })
}

async function failure(promise: Promise<unknown>): Promise<RegistryError> {
  const error = await promise.then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof RegistryError, String(error))
  return error
}

describe('redirects', () => {
  for (const [name, location, message] of [
    ['round and round', '/v2/app/manifests/1', /redirects more than 5 times$/],
    ['to a file', 'file:///etc/passwd', /redirects to "file:\/\/\/etc\/passwd", which is no HTTP address$/],
    ['without saying where', undefined, /answered 302 \(a redirect that cannot be followed; check the address of /],
  ] as const) {
    test(`${name} are refused`, async () => {
      const registry = await serve((_, response) => {
        response.writeHead(302, location === undefined ? {} : { Location: location }).end()
      })
      const error = await failure(repositoryAt(registry).resolve('1'))
      assert.equal(error.code, 'PROTOCOL')
      assert.match(error.message, message)
    })
  }

  test('of a body that was already sent are no success', async () => {
    const registry = await serve((request, response) => {
      if (request.method === 'POST') response.writeHead(202, { Location: '/v2/app/blobs/uploads/1' }).end()
      else response.writeHead(307, { Location: 'http://127.0.0.1:1/elsewhere' }).end()
    })
    assert.equal((await failure(repositoryAt(registry).put(blob, readerOf(bytes)))).code, 'PROTOCOL')
  })

  test('of a tag that is put are no success', async () => {
    const registry = await serve((_, response) => response.writeHead(302, { Location: '/login' }).end())
    const image = await randomImage({ codec, seed: 1 })
    const manifest = await readDocument(image.source, image.descriptor)
    assert.equal((await failure(repositoryAt(registry).put(image.descriptor, readerOf(manifest)))).code, 'PROTOCOL')
  })
})

describe('what is no registry', () => {
  test('a login page', async () => {
    const registry = await serve((_, response) => response.end('<html>log in first</html>'))
    const error = await failure(repositoryAt(registry).resolve('1'))
    assert.equal(error.code, 'MANIFEST_INVALID')
    assert.match(error.message, /^Cannot pull "127.*\/app:1": the registry answered with no manifest: it is not JSON/)
  })

  for (const [name, answer] of [
    ['headers without an end', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(200_000)}\r\n\r\n`],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n'],
    ['another protocol', 'SSH-2.0-OpenSSH_9\r\n'],
  ] as const) {
    test(name, async () => {
      const registry = await serve((request) => request.socket.end(answer))
      const error = await failure(repositoryAt(registry).resolve('1'))
      assert.equal(error.code, 'UNREACHABLE')
      assert.match(error.message, /does not speak HTTP as it should \(HPE_/)
    })
  }
})

describe('connections that break', () => {
  test('within a manifest and within a list', async () => {
    const registry = await serve((request, response) => {
      if (request.method === 'HEAD') return void response.writeHead(405).end()
      response.writeHead(200, { 'Content-Length': 1000 }).write('{"schema', () => response.destroy())
    })
    const repository = repositoryAt(registry)
    assert.equal((await failure(repository.resolve('1'))).code, 'UNREACHABLE')
    assert.equal((await failure(Array.fromAsync(repository.tags()))).code, 'UNREACHABLE')
  })

  test('again and again after a byte are not resumed for ever', async () => {
    let count = 0
    const registry = await serve((request, response) => {
      count += 1
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      response.writeHead(request.headers.range === undefined ? 200 : 206, {
        'Content-Length': bytes.length - start,
        'Content-Range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
      })
      response.write(bytes.subarray(start, start + 1), () => setTimeout(() => response.destroy(), 5))
    })
    const read = async (): Promise<void> => {
      await using reader = await repositoryAt(registry).open(blob)
      await readAll(reader)
    }
    assert.equal((await failure(read())).code, 'UNREACHABLE')
    assert.equal(count, 5)
  })

  test('for want of an answer are tried once more', async () => {
    let count = 0
    const transport = nodeTransport({ timeout: 50 })
    const registry = await serve(() => void (count += 1))
    const fetch = async ({ url }: Request): Promise<Response> => {
      await transport({ method: 'GET', url: new URL(url), headers: {} })
      return assert.fail('there was an answer')
    }
    const error = await failure(repositoryAt(registry, { fetch }).resolve('1'))
    assert.equal(error.code, 'TIMEOUT')
    assert.equal(count, 2)
  })

  test('a HEAD that tells a large size does not break one', async () => {
    const sockets = new Set<unknown>()
    const registry = await serve((request, response) => {
      sockets.add(request.socket)
      response.writeHead(200, { 'Content-Length': blob.size }).end()
    })
    const repository = repositoryAt(registry)
    for (let i = 0; i < 8; i++) assert.equal(await repository.has(blob), true)
    // One may not be free again yet when the next request is made.
    assert.ok(sockets.size <= 2, `${sockets.size} connections`)
  })
})

describe('token services', () => {
  async function behind(handler: Handler | string): Promise<{ tokens: string; error: RegistryError }> {
    const tokens = typeof handler === 'string' ? handler : await serve(handler)
    const registry = await serve((_, response) => {
      response.writeHead(401, { 'WWW-Authenticate': `Bearer realm="http://${tokens}/token",service="x"` }).end()
    })
    const error = await failure(repositoryAt(registry).resolve('1'))
    assert.ok(error.message.startsWith(`Cannot log in to ${registry}: `), error.message)
    assert.ok(error.message.includes(tokens), error.message)
    return { tokens, error }
  }

  test('that nobody serves are named', async () => {
    assert.equal((await behind('127.0.0.1:1')).error.code, 'UNREACHABLE')
  })

  test('that break off are named', async () => {
    const { error } = await behind((_, response) => {
      response.writeHead(200, { 'Content-Length': 100 }).write('{"tok', () => response.destroy())
    })
    assert.equal(error.code, 'UNREACHABLE')
  })

  test('that fail are asked again, and named', async () => {
    let count = 0
    const { error } = await behind((_, response) => {
      count += 1
      response.writeHead(503, { 'Retry-After': '2' }).end()
    })
    assert.equal(error.code, 'SERVER')
    assert.equal(count, 5)
    assert.deepEqual(waits.slice(-4), [2000, 2000, 2000, 2000])
  })

  test('that only ever refuse end it', async () => {
    let count = 0
    const registry = await serve((request, response) => {
      count += 1
      if (request.url?.startsWith('/token') === true) return void response.end('{"token":"t"}')
      const realm = `http://${request.headers.host}/token`
      response.writeHead(401, { 'WWW-Authenticate': `Bearer realm="${realm}",service="x"` }).end()
    })
    assert.equal((await failure(repositoryAt(registry).resolve('1'))).code, 'UNAUTHORIZED')
    assert.ok(count <= 3, `${count} requests`)
  })
})

test('a refusal says when to come back', async () => {
  const registry = await serve((_, response) => response.writeHead(429, { 'Retry-After': '3600' }).end())
  assert.match(
    (await failure(repositoryAt(registry).resolve('1'))).message,
    /429 TOOMANYREQUESTS \(try again in 3600 s\)$/,
  )
})

test('a blob without an end is cut off where it should have ended', async () => {
  const registry = await serve((_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(bytes));
    }
    response.on('drain', more)
    more()
  })
  const repository = repositoryAt(registry)
  const store = new MemoryStore(codec)
  await expectCode(store.put(blob, await repository.open(blob, { verify: false })), 'SIZE_MISMATCH')
})
