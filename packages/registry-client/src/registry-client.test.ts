import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { copy, MemoryStore, randomImage, readDocument, readerOf } from '@gantry/image'
import { MediaType, parseDigest, parseReference } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { createRegistry, memoryStorage, registryMigrations } from '@gantry/registry'
import { openState } from '@gantry/state'
import { expectCode, readAll, testCodec } from '@gantry/testing'
import { createRegistryClient, dockerCredentials, isLocalRegistry, RegistryError } from './index.ts'
import type { Credential, RegistryClientOptions, RemoteRepository } from './index.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-client-'))
const stack = new AsyncDisposableStack()
after(async () => {
  await stack.disposeAsync()
  rmSync(directory, { recursive: true, force: true })
})

const codec = testCodec()
const bytes = randomBytes(300_000)
const blob: Descriptor = {
  mediaType: MediaType.layerTar,
  digest: parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`),
  size: bytes.length,
}
const anonymous = async (): Promise<undefined> => undefined
const waits: number[] = []
const quick = { sleep: async (milliseconds: number) => void waits.push(milliseconds), random: () => 0.5 }

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.defer(() => new Promise<void>((resolve) => void server.close(() => resolve())))
  return (server.address() as AddressInfo).port
}

async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => handler(request, response, Buffer.concat(parts)))
  })
  server.keepAliveTimeout = 10
  return `127.0.0.1:${await listen(server)}`
}

function repositoryAt(registry: string, options: RegistryClientOptions = {}): RemoteRepository {
  const client = createRegistryClient({ credentials: anonymous, retry: quick, ...options })
  return client.repository({ registry, repository: 'app' })
}

async function read(repository: RemoteRepository, descriptor = blob): Promise<Buffer> {
  await using reader = await repository.open(descriptor)
  return readAll(reader)
}

async function failure(promise: Promise<unknown>): Promise<RegistryError> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof RegistryError, String(error))
    return error
  }
  return assert.fail('it did not fail')
}

const answerWith = (status: number, body: unknown = '', headers: Record<string, string> = {}): Handler => {
  return (_, response) =>
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
}

describe('errors', () => {
  test('an unknown tag and an unknown repository are told apart', async () => {
    const state = stack.use(openState(':memory:', registryMigrations))
    const registry = createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state })
    const repository = repositoryAt('reg.example', { fetch: registry.handle })
    assert.equal(await repository.resolve('1'), undefined)
    assert.equal((await failure(repository.find('1'))).code, 'NAME_UNKNOWN')
    const image = await randomImage({ codec, seed: 1 })
    await copy(image.source, repository, image.descriptor)
    const error = await failure(repository.find('2'))
    assert.equal(error.code, 'MANIFEST_UNKNOWN')
    assert.match(
      error.message,
      /^Cannot pull "reg\.example\/app:2": the registry answered 404 MANIFEST_UNKNOWN \(.*"2"\)$/,
    )
  })

  test('no credentials, and refused ones', async () => {
    const registry = await serve(
      answerWith(
        401,
        { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] },
        { 'WWW-Authenticate': 'Basic realm="x"' },
      ),
    )
    const none = await failure(repositoryAt(registry).find('1'))
    assert.equal(
      none.message,
      `Cannot pull "${registry}/app:1": the registry answered 401 UNAUTHORIZED (no credentials for ${registry}; run "gantry login ${registry}")`,
    )
    const credentials = async (): Promise<Credential> => ({ kind: 'basic', username: 'me', password: 'hunter2' })
    const refused = await failure(repositoryAt(registry, { credentials }).find('1'))
    assert.equal(refused.code, 'UNAUTHORIZED')
    assert.doesNotMatch(JSON.stringify(refused) + refused.message + String(refused.stack), /hunter2/)
  })

  test('nobody there', async () => {
    const server = createTcpServer()
    const port = await listen(server)
    await new Promise((resolve) => server.close(resolve))
    const error = await failure(repositoryAt(`127.0.0.1:${port}`).find('1'))
    assert.equal(error.code, 'UNREACHABLE')
    assert.match(error.message, /nothing listens at 127\.0\.0\.1/)
    const name = await failure(repositoryAt('no-such-host.invalid').find('1'))
    assert.equal(name.code, 'UNREACHABLE')
  })

  test('a certificate that nobody vouches for, and one that we were told of', async () => {
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        key,
        '-out',
        cert,
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1',
      ],
      { stdio: 'ignore' },
    )
    const pem = readFileSync(cert, 'utf8')
    const server = createTlsServer({ key: readFileSync(key), cert: pem }, (_, response) => response.end('{}'))
    const registry = `localhost:${await listen(server)}`
    const options = { credentials: anonymous, insecure: () => false }
    assert.equal((await failure(createRegistryClient(options).check(registry))).code, 'TLS')
    await createRegistryClient({ ...options, authorities: [pem] }).check(registry)
    server.closeAllConnections()
  })

  test('plain HTTP where TLS is expected', async () => {
    const registry = await serve(answerWith(200))
    const error = await failure(
      createRegistryClient({ credentials: anonymous, insecure: () => false, retry: quick }).check(registry),
    )
    assert.equal(error.code, 'TLS')
  })

  test('what a registry says is bounded and cannot write to the terminal', async () => {
    const registry = await serve(
      answerWith(403, { errors: [{ code: 'DENIED', message: `\u001b[31m${'x'.repeat(5000)}` }] }),
    )
    const error = await failure(repositoryAt(registry).find('1'))
    assert.equal(error.code, 'DENIED')
    assert.ok(error.message.length < 500)
    assert.ok(!error.message.includes('\u001b'))
    const large = await serve(answerWith(403, 'x'.repeat(1_000_000)))
    assert.equal((await failure(repositoryAt(large).find('1'))).code, 'DENIED')
  })
})

describe('retries', () => {
  test('what passes is tried again, as late as the registry asks', async () => {
    let count = 0
    const registry = await serve((request, response) => {
      count += 1
      if (count === 1) answerWith(503)(request, response, Buffer.alloc(0))
      else if (count === 2) answerWith(429, '', { 'Retry-After': '7' })(request, response, Buffer.alloc(0))
      else response.end(bytes)
    })
    waits.length = 0
    assert.ok((await read(repositoryAt(registry))).equals(bytes))
    assert.deepEqual(waits, [125, 7000])
  })

  test('not for ever, and not when the registry asks for too long', async () => {
    let count = 0
    const registry = await serve((request, response) => {
      count += 1
      answerWith(500)(request, response, Buffer.alloc(0))
    })
    assert.equal((await failure(repositoryAt(registry).find('1'))).code, 'SERVER')
    assert.equal(count, 5)
    const limited = await serve(answerWith(429, '', { 'Retry-After': '3600' }))
    const error = await failure(repositoryAt(limited).find('1'))
    assert.equal(error.code, 'TOOMANYREQUESTS')
    assert.equal(error.retryAfter, 3_600_000)
  })

  test('a read whose connection breaks goes on where it broke', async () => {
    const ranges: (string | undefined)[] = []
    const registry = await serve((request, response) => {
      ranges.push(request.headers.range)
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const status = request.headers.range === undefined ? 200 : 206
      response.writeHead(status, {
        'Content-Length': bytes.length - start,
        'Content-Range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
      })
      const part = bytes.subarray(start, start + 130_000)
      if (start + part.length === bytes.length) response.end(part)
      else response.write(part, () => setTimeout(() => response.destroy(), 20))
    })
    assert.ok((await read(repositoryAt(registry))).equals(bytes))
    assert.equal(ranges[0], undefined)
    assert.ok(ranges.length >= 3)
    assert.ok(ranges.slice(1).every((range) => /^bytes=\d+-299999$/.test(range ?? '')))
  })

  test('a server without ranges is read from the start again, and only the rest is taken', async () => {
    let count = 0
    const registry = await serve((_, response) => {
      count += 1
      response.writeHead(200, { 'Content-Length': bytes.length })
      if (count > 1) response.end(bytes)
      else response.write(bytes.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 20))
    })
    assert.ok((await read(repositoryAt(registry))).equals(bytes))
  })
})

describe('verification', () => {
  const tampered = Buffer.from(bytes)
  tampered[1000] = (tampered[1000] ?? 0) ^ 1
  for (const [name, body, code] of [
    ['tampered with', tampered, 'DIGEST_MISMATCH'],
    ['cut off', bytes.subarray(0, -1), 'SIZE_MISMATCH'],
    ['too long', Buffer.concat([bytes, Buffer.from('x')]), 'SIZE_MISMATCH'],
  ] as const) {
    test(`a blob that is ${name} is found out`, async () => {
      const registry = await serve((_, response) => response.end(body))
      await expectCode(read(repositoryAt(registry)), code)
    })
  }

  test('a manifest that is not the digest that was asked for is found out', async () => {
    const registry = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(405).end()
      else response.writeHead(200, { 'Content-Type': MediaType.imageManifest }).end('{"schemaVersion":2}')
    })
    await expectCode(repositoryAt(registry).resolve(blob.digest), 'DIGEST_MISMATCH')
  })

  test('a HEAD that says nothing is followed by a GET', async () => {
    const image = await randomImage({ codec, seed: 3 })
    const manifest = await readDocument(image.source, image.descriptor)
    const registry = await serve((request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' })
      response.end(request.method === 'HEAD' ? undefined : manifest)
    })
    assert.deepEqual(await repositoryAt(registry).resolve('1'), image.descriptor)
  })
})

describe('authorization', () => {
  /** A registry in the manner of Docker Hub: a token service elsewhere, blobs behind a redirect to another host. */
  async function hub(): Promise<{ registry: string; log: string[] }> {
    const log: string[] = []
    const storage = await serve((request, response) => {
      log.push(`storage ${request.headers.authorization ?? 'nothing'}`)
      response.end(bytes)
    })
    const tokens = await serve((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://x')
      log.push(`token ${searchParams.getAll('scope').join(' ')} ${request.headers.authorization ?? 'anonymous'}`)
      response.end(JSON.stringify({ token: `t-${searchParams.get('scope') ?? ''}`, expires_in: 300 }))
    })
    const registry = await serve((request, response) => {
      const scope = request.method === 'GET' || request.method === 'HEAD' ? 'pull' : 'pull,push'
      if (!(request.headers.authorization ?? '').startsWith('Bearer t-repository:app:pull')) {
        const challenge = `Bearer realm="http://${tokens}/token",service="hub, of sorts",scope="repository:app:${scope}"`
        response.writeHead(401, { 'WWW-Authenticate': challenge }).end()
      } else if (request.url?.includes('/blobs/sha256') === true) {
        response.writeHead(307, { Location: `http://${storage}/x` }).end()
      } else response.writeHead(404).end()
    })
    return { registry, log }
  }

  test('a token is asked for once per scope, and goes to the registry alone', async () => {
    const { registry, log } = await hub()
    const credentials = async (): Promise<Credential> => ({ kind: 'basic', username: 'me', password: 'pass' })
    const repository = repositoryAt(registry, { credentials })
    for (let i = 0; i < 3; i++) assert.ok((await read(repository)).equals(bytes))
    const auth = `Basic ${Buffer.from('me:pass').toString('base64')}`
    assert.deepEqual(log, [`token repository:app:pull ${auth}`, ...Array<string>(3).fill('storage nothing')])
    await Promise.all([repository.has(blob), repository.has(blob)])
    assert.equal(log.filter((line) => line.startsWith('token repository:app:pull,push')).length, 1)
  })

  test('anonymous tokens too', async () => {
    const { registry, log } = await hub()
    assert.ok((await read(repositoryAt(registry))).equals(bytes))
    assert.equal(log[0], 'token repository:app:pull anonymous')
  })

  test('a password does not go to a token service without TLS', async () => {
    const registry = await serve(answerWith(401, '', { 'WWW-Authenticate': 'Bearer realm="http://tokens.example/"' }))
    assert.equal((await failure(repositoryAt(registry).find('1'))).code, 'PROTOCOL')
  })

  test('basic credentials are sent when asked for, with a push too', async () => {
    const state = stack.use(openState(':memory:', registryMigrations))
    const registry = createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state })
    const fetch = async (request: Request): Promise<Response> => {
      if (request.headers.get('authorization') === `Basic ${btoa('me:pass')}`) return registry.handle(request)
      return new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } })
    }
    const credentials = async (): Promise<Credential> => ({ kind: 'basic', username: 'me', password: 'pass' })
    const repository = repositoryAt('reg.example', { fetch, credentials })
    const image = await randomImage({ codec, seed: 4 })
    await copy(image.source, repository, image.descriptor)
    await repository.tag('1', image.descriptor)
    assert.deepEqual(await repository.find('1'), image.descriptor)
  })
})

describe('dockerCredentials', () => {
  const config = join(directory, 'docker')
  const bin = join(directory, 'bin')
  mkdirSync(config)
  mkdirSync(bin)
  const lookup = (registry: string, value: unknown): Promise<Credential | undefined> => {
    writeFileSync(join(config, 'config.json'), typeof value === 'string' ? value : JSON.stringify(value))
    return dockerCredentials({ DOCKER_CONFIG: config })(registry)
  }
  const me = { kind: 'basic', username: 'me', password: 'pa:ss' }
  const auth = Buffer.from('me:pa:ss').toString('base64')

  for (const [name, registry, value, expected] of [
    ['a plain entry', 'reg.example:5000', { auths: { 'reg.example:5000': { auth } } }, me],
    ['an entry with a scheme', 'reg.example', { auths: { 'https://reg.example': { auth } } }, me],
    ['Docker Hub', 'docker.io', { auths: { 'https://index.docker.io/v1/': { auth } } }, me],
    [
      'an identity token',
      'a.example',
      { auths: { 'a.example': { auth, identitytoken: 'it' } } },
      { kind: 'identity', token: 'it' },
    ],
    ['another registry', 'b.example', { auths: { 'a.example': { auth } } }, undefined],
    ['an empty entry', 'a.example', { auths: { 'a.example': {} } }, undefined],
    ['nothing', 'a.example', {}, undefined],
  ] as const) {
    test(`finds ${name}`, async () => assert.deepEqual(await lookup(registry, value), expected))
  }

  test('says that a file cannot be read, without showing it', async () => {
    const error = await failure(lookup('a.example', '{"auths": secret'))
    assert.equal(error.code, 'CREDENTIALS')
    assert.doesNotMatch(error.message, /secret/)
    assert.equal((await failure(lookup('a.example', { auths: { 'a.example': { auth: '!!' } } }))).code, 'CREDENTIALS')
  })

  test('asks a helper', async () => {
    const helper = join(bin, 'docker-credential-gantrytest')
    writeFileSync(
      helper,
      '#!/bin/sh\nread host\n[ "$host" = a.example ] || { echo "credentials not found"; exit 1; }\necho \'{"Username":"me","Secret":"pa:ss"}\'\n',
    )
    chmodSync(helper, 0o755)
    const path = process.env['PATH']
    process.env['PATH'] = `${bin}:${path}`
    try {
      assert.deepEqual(await lookup('a.example', { credsStore: 'gantrytest' }), me)
      assert.deepEqual(await lookup('a.example', { credHelpers: { 'a.example': 'gantrytest' } }), me)
      assert.equal(await lookup('b.example', { credsStore: 'gantrytest' }), undefined)
      assert.equal(await lookup('b.example', { credsStore: 'not-there' }), undefined)
      assert.equal((await failure(lookup('b.example', { credsStore: '../evil' }))).code, 'CREDENTIALS')
    } finally {
      process.env['PATH'] = path
    }
  })
})

test('registries on this machine speak plain HTTP', () => {
  for (const registry of ['localhost', 'localhost:5000', '127.0.0.1', '127.1.2.3:80', '[::1]:5000'])
    assert.ok(isLocalRegistry(registry))
  for (const registry of ['docker.io', 'localhost.example', '127.0.0.1.example', '10.0.0.1:5000'])
    assert.ok(!isLocalRegistry(registry))
})

test('a push within a registry mounts instead of sending', async () => {
  const state = stack.use(openState(':memory:', registryMigrations))
  const registry = createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state })
  const sent: string[] = []
  const client = createRegistryClient({
    credentials: anonymous,
    fetch: (request) => {
      if (request.method === 'PUT' && request.url.includes('/blobs/')) sent.push(request.url)
      return registry.handle(request)
    },
  })
  const [one, two] = ['one', 'two'].map((repository) => client.repository({ registry: 'reg.example', repository }))
  assert.ok(one !== undefined && two !== undefined)
  const image = await randomImage({ codec, seed: 5 })
  await copy(image.source, one, image.descriptor)
  assert.ok(sent.length > 0)
  sent.length = 0
  await copy(one, two, image.descriptor)
  assert.deepEqual(sent, [])
  await two.tag('1', image.descriptor)
  assert.deepEqual(await Array.fromAsync(two.tags()), ['1'])
  assert.deepEqual(await Array.fromAsync(client.repositories('reg.example')), ['one', 'two'])
  assert.equal(await two.delete('1'), true)
  assert.equal(await two.delete('1'), false)
})

describe(
  "Debian's docker-registry",
  { skip: existsSync('/usr/bin/docker-registry') ? false : 'docker-registry is not installed' },
  () => {
    test('takes a push and gives it back', { timeout: 30_000 }, async () => {
      const probe = createTcpServer()
      const port = await listen(probe)
      await new Promise((resolve) => probe.close(resolve))
      const config = join(directory, 'registry.yml')
      writeFileSync(
        config,
        `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${join(directory, 'peer')} }, delete: { enabled: true } }\nhttp: { addr: "127.0.0.1:${port}" }\n`,
      )
      const server = spawn('docker-registry', ['serve', config], { stdio: 'ignore' })
      try {
        const registry = `127.0.0.1:${port}`
        const client = createRegistryClient({ credentials: anonymous, retry: { attempts: 1 } })
        for (let i = 0; i < 100; i++) {
          const ready = await client.check(registry).then(
            () => true,
            () => false,
          )
          if (ready) break
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        const repository = client.repository(parseReference(`${registry}/some/app`))
        const image = await randomImage({ codec, seed: 6 })
        await copy(image.source, repository, image.descriptor)
        await repository.tag('1', image.descriptor)
        assert.deepEqual(await repository.find(`${registry}/some/app:1`), image.descriptor)
        const store = new MemoryStore(codec)
        await copy(repository, store, image.descriptor)
        assert.ok(await store.has(image.descriptor))
        await repository.put(blob, readerOf(bytes))
        await using part = await repository.open(blob, { range: { start: 10, end: 20 } })
        assert.deepEqual(await readAll(part), bytes.subarray(10, 20))
        await expectCode(
          repository.put({ ...blob, digest: parseDigest(`sha256:${'0'.repeat(64)}`) }, readerOf(bytes)),
          'DIGEST_MISMATCH',
        )
        assert.deepEqual(await Array.fromAsync(repository.tags()), ['1'])
        assert.deepEqual(await Array.fromAsync(repository.referrers(image.descriptor.digest)), [])
        assert.equal((await failure(repository.find('2'))).code, 'MANIFEST_UNKNOWN')
        assert.equal(await repository.delete(image.descriptor.digest), true)
      } finally {
        server.kill()
      }
    })
  },
)
