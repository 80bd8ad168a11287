import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { MemoryStore, readerOf } from '@gantry/image'
import { MediaType, parseDigest } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import { expectCode, testCodec } from '@gantry/testing'
import { createRegistryClient, RegistryError, uploadMemory } from './index.ts'
import type { ClientEvent, RegistryClientOptions, RemoteRepository } from './index.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const bytes = randomBytes(300_000)
const source = new MemoryStore(testCodec())

function describeAs(algorithm: 'sha256' | 'sha512'): Descriptor {
  const digest = parseDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`)
  return { mediaType: MediaType.layerTar, digest, size: bytes.length }
}
const blob = describeAs('sha256')
await source.put(blob, readerOf(bytes))

/** One upload of a registry that keeps to the letter of the specification, and where a test breaks in. */
class Uploader {
  readonly log: string[] = []
  readonly events: ClientEvent[] = []
  readonly done: { digest: string; bytes: Buffer }[] = []
  session: Buffer | undefined
  sessions = 0
  registry = ''
  /** True: it has answered, or broken the connection. */
  intercept: (request: IncomingMessage, response: ServerResponse, body: Buffer) => boolean = () => false
  /** Takes a part of a body and breaks off, once. */
  breakAfter = Infinity
  headers: Readonly<Record<string, string>> = {}
  location: () => string = () => `/v2/app/blobs/uploads/${this.sessions}?_state=a%2Fb%3D&n=${this.log.length}`

  async start(options: RegistryClientOptions = {}): Promise<RemoteRepository> {
    const server = createServer((request, response) => void this.#take(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stack.defer(() => {
      server.closeAllConnections()
      server.close()
    })
    this.registry = `127.0.0.1:${(server.address() as AddressInfo).port}`
    return this.client(options)
  }

  client(options: RegistryClientOptions = {}): RemoteRepository {
    const client = createRegistryClient({
      credentials: async () => undefined,
      retry: { sleep: async () => undefined, random: () => 0 },
      transfer: { chunkAbove: 100_000, chunk: 70_000, segment: 1000 },
      onEvent: (event) => void this.events.push(event),
      ...options,
    })
    return client.repository({ registry: this.registry, repository: 'app' })
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', headers } = request
    const range = headers['content-range'] === undefined ? '' : ` ${headers['content-range']}`
    this.log.push(`${method}${range}`)
    const parts: Buffer[] = []
    let size = 0
    for await (const part of request as AsyncIterable<Buffer>) {
      parts.push(part)
      size += part.length
      if (size < this.breakAfter) continue
      this.breakAfter = Infinity
      this.#append(Buffer.concat(parts), headers['content-range'])
      return void request.socket.destroy()
    }
    const body = Buffer.concat(parts)
    if (this.intercept(request, response, body)) return
    this.#answer(request, response, body)
  }

  #answer({ method, url = '', headers }: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { pathname, searchParams } = new URL(url, 'http://x')
    if (method === 'HEAD') {
      return void response.writeHead(this.done.some(({ digest }) => pathname.endsWith(digest)) ? 200 : 404).end()
    }
    if (method === 'POST') {
      this.sessions += 1
      this.session = Buffer.alloc(0)
      return this.#say(response, 202)
    }
    const isRight = this.session !== undefined && searchParams.get('_state') === 'a/b='
    if (!isRight) return void response.writeHead(404).end('{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}')
    if (method === 'GET') return this.#say(response, 204)
    if (method === 'DELETE') {
      this.session = undefined
      return void response.writeHead(204).end()
    }
    if (!this.#append(body, headers['content-range'])) return this.#say(response, 416)
    if (method === 'PATCH') return this.#say(response, 202)
    const digest = searchParams.get('digest') ?? ''
    const [algorithm = ''] = digest.split(':')
    const found = `${algorithm}:${createHash(algorithm)
      .update(this.session ?? '')
      .digest('hex')}`
    if (found !== digest) return void response.writeHead(400).end('{"errors":[{"code":"DIGEST_INVALID"}]}')
    this.done.push({ digest, bytes: this.session ?? Buffer.alloc(0) })
    this.session = undefined
    response.writeHead(201, { location: `/v2/app/blobs/${digest}` }).end()
  }

  #append(body: Buffer, range: string | undefined): boolean {
    const session = this.session ?? Buffer.alloc(0)
    if (range !== undefined && Number(range.split('-')[0]) !== session.length) return false
    this.session = Buffer.concat([session, body])
    return true
  }

  #say(response: ServerResponse, status: number): void {
    const range = `0-${Math.max((this.session?.length ?? 0) - 1, 0)}`
    response.writeHead(status, { location: this.location(), range, ...this.headers }).end()
  }
}

async function uploader(options: RegistryClientOptions = {}): Promise<{ to: Uploader; repository: RemoteRepository }> {
  const to = new Uploader()
  return { to, repository: await to.start(options) }
}

function isThere(to: Uploader, digest: Digest = blob.digest): boolean {
  return to.done.length === 1 && to.done[0]?.digest === digest && to.done[0].bytes.equals(bytes)
}

const draw = async (repository: RemoteRepository, descriptor = blob): Promise<void> => {
  await (repository.draw?.(descriptor, source) ?? assert.fail('it cannot draw'))
}

describe('a push', () => {
  test('of a blob that is not large is one PUT', async () => {
    const { to, repository } = await uploader({ transfer: {} })
    await draw(repository)
    assert.deepEqual(to.log, ['POST', 'PUT'])
    assert.ok(isThere(to))
  })

  test('of a large one goes in chunks that follow each other', async () => {
    const { to, repository } = await uploader()
    await draw(repository)
    const patches = ['PATCH 0-69999', 'PATCH 70000-139999', 'PATCH 140000-209999', 'PATCH 210000-279999']
    assert.deepEqual(to.log, ['POST', ...patches, 'PUT 280000-299999'])
    assert.ok(isThere(to))
  })

  test('makes its chunks as large as the registry wants them', async () => {
    const { to, repository } = await uploader()
    to.headers = { 'oci-chunk-min-length': '120000' }
    await draw(repository)
    assert.deepEqual(to.log, ['POST', 'PATCH 0-119999', 'PATCH 120000-239999', 'PUT 240000-299999'])
  })

  test('by sha512 says so at once', async () => {
    const { to, repository } = await uploader()
    const urls: (string | undefined)[] = []
    to.intercept = ({ url }) => {
      urls.push(url)
      return false
    }
    const descriptor = describeAs('sha512')
    await source.put(descriptor, readerOf(bytes))
    await draw(repository, descriptor)
    assert.equal(urls[0], '/v2/app/blobs/uploads/?digest-algorithm=sha512')
    assert.ok(isThere(to, descriptor.digest))
  })

  test('follows locations that are absolute, with their queries', async () => {
    const { to, repository } = await uploader()
    to.location = () => `http://${to.registry}/v2/app/blobs/uploads/1?_state=a%2Fb%3D`
    await draw(repository)
    assert.ok(isThere(to))
  })

  test('takes the offset from the registry, which may have taken less', async () => {
    const { to, repository } = await uploader()
    let count = 0
    to.intercept = ({ method }, response, body) => {
      if (method !== 'PATCH' || count++ > 0) return false
      to.session = body.subarray(0, 30_000)
      response.writeHead(202, { location: to.location(), range: '0-29999' }).end()
      return true
    }
    await draw(repository)
    assert.deepEqual(to.log.slice(0, 3), ['POST', 'PATCH 0-69999', 'PATCH 30000-99999'])
    assert.ok(isThere(to))
  })
})

describe('a push that breaks off', () => {
  test('in its only PUT goes on with the rest', async () => {
    const { to, repository } = await uploader({ transfer: { segment: 1000 } })
    to.breakAfter = 100_000
    await draw(repository)
    assert.match(to.log.join(', '), /^POST, PUT, GET, PUT \d+-299999$/)
    assert.ok(isThere(to))
    const resumed = to.events.find((event) => event.kind === 'upload-resumed')
    assert.ok((resumed?.offset ?? 0) >= 100_000)
  })

  test('within a chunk goes on within it', async () => {
    const { to, repository } = await uploader()
    let count = 0
    to.intercept = ({ method }) => {
      if (method === 'PATCH' && count++ === 0) to.breakAfter = 30_000
      return false
    }
    await draw(repository)
    assert.ok(to.log.includes('GET'))
    assert.ok(isThere(to))
    assert.equal(to.sessions, 1)
  })

  test('and is out of step is put right by what the registry says', async () => {
    const { to, repository } = await uploader()
    let count = 0
    to.intercept = ({ method }) => {
      // The answer to a chunk is lost after it was taken.
      if (method === 'PATCH' && ++count === 2) to.session = to.session?.subarray(0, 10_000)
      return false
    }
    await draw(repository)
    assert.ok(to.log.includes('GET'), to.log.join(', '))
    assert.ok(isThere(to))
  })

  test('and whose session is gone begins again', async () => {
    const { to, repository } = await uploader()
    let count = 0
    to.intercept = ({ method }) => {
      if (method === 'PATCH' && ++count === 3) to.session = undefined
      return false
    }
    await draw(repository)
    assert.equal(to.sessions, 2)
    assert.ok(isThere(to))
  })

  test('when everything was there is over', async () => {
    const { to, repository } = await uploader({ transfer: { segment: 1000 } })
    to.intercept = ({ method, socket }, _, body) => {
      if (method !== 'PUT') return false
      to.done.push({ digest: blob.digest, bytes: body })
      to.session = undefined
      socket.destroy()
      return true
    }
    await draw(repository)
    assert.deepEqual(to.log, ['POST', 'PUT', 'GET', 'HEAD'])
  })

  test('again and again without getting on is given up', async () => {
    const { to, repository } = await uploader()
    to.intercept = ({ method, socket }) => {
      if (method === 'PATCH') socket.destroy()
      return method === 'PATCH'
    }
    await assert.rejects(draw(repository), (error) => error instanceof RegistryError && error.code === 'UNREACHABLE')
    assert.equal(to.log.filter((line) => line.startsWith('PATCH')).length, 5)
  })
})

describe('a registry that', () => {
  test('knows no chunks gets the blob whole', async () => {
    const { to, repository } = await uploader()
    to.intercept = ({ method }, response) => {
      if (method === 'PATCH') response.writeHead(405).end()
      return method === 'PATCH'
    }
    await draw(repository)
    assert.equal(to.log.at(-1), 'PUT')
    assert.ok(isThere(to))
  })

  test('says one thing and does another gets it in another session, and not for ever', async () => {
    const { to, repository } = await uploader()
    to.intercept = ({ method }, response) => {
      if (method === 'PATCH') response.writeHead(416).end()
      return method === 'PATCH'
    }
    await assert.rejects(draw(repository))
    assert.ok(to.sessions <= 5)
  })

  test('does not allow it is not asked again', async () => {
    const { to, repository } = await uploader()
    to.intercept = ({ method }, response) => {
      if (method === 'PATCH') response.writeHead(403).end('{"errors":[{"code":"DENIED"}]}')
      return method === 'PATCH'
    }
    await assert.rejects(draw(repository), (error) => error instanceof RegistryError && error.code === 'DENIED')
    assert.equal(to.log.filter((line) => line.startsWith('PATCH')).length, 1)
  })

  test('finds another digest is believed at once', async () => {
    const { to, repository } = await uploader()
    const other: Descriptor = { ...blob, digest: parseDigest(`sha256:${'0'.repeat(64)}`) }
    const lying = { open: () => source.open(blob, { verify: false }) }
    const small = to.client({ transfer: {} })
    await expectCode(small.draw?.(other, lying) ?? assert.fail(), 'DIGEST_MISMATCH')
    assert.equal(to.log.filter((line) => line.startsWith('PUT')).length, 1)
    assert.equal(to.log.at(-1), 'DELETE')
    assert.ok(repository !== small)
  })
})

describe('a push that another process began', () => {
  const key = { registry: 'reg.example', repository: 'app', digest: blob.digest }
  const freshDirectory = (): string => {
    const directory = mkdtempSync(join(tmpdir(), 'gantry-uploads-'))
    stack.defer(() => rmSync(directory, { recursive: true, force: true }))
    return directory
  }

  test('goes on where the registry has it', async () => {
    const directory = freshDirectory()
    const { to } = await uploader()
    let count = 0
    to.intercept = ({ method, socket }) => {
      const breaks = method === 'PATCH' && ++count > 2
      if (breaks) socket.destroy()
      return breaks
    }
    const options = { uploads: uploadMemory(directory), retry: { attempts: 1 } }
    await assert.rejects(draw(to.client(options)))
    to.intercept = () => false
    to.log.length = 0
    await draw(to.client({ uploads: uploadMemory(directory) }))
    assert.deepEqual(to.log, ['GET', 'PATCH 140000-209999', 'PATCH 210000-279999', 'PUT 280000-299999'])
    assert.ok(isThere(to))
    assert.deepEqual(readdirSync(directory), [])
  })

  test('is remembered for this user alone, for a day, for one process at a time', () => {
    const directory = join(freshDirectory(), 'uploads')
    const memory = uploadMemory(directory)
    {
      using upload = memory.open(key) ?? assert.fail()
      assert.equal(upload.location, undefined)
      upload.moved('/v2/app/blobs/uploads/1?secret')
      assert.equal(memory.open(key), undefined)
      const [name = ''] = readdirSync(directory).filter((each) => each.endsWith('.json'))
      assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600)
      assert.equal(statSync(directory).mode & 0o777, 0o700)
    }
    {
      using upload = memory.open(key) ?? assert.fail()
      assert.equal(upload.location, '/v2/app/blobs/uploads/1?secret')
    }
    const old = Date.now() / 1000 - 25 * 3600
    for (const name of readdirSync(directory)) utimesSync(join(directory, name), old, old)
    using upload = uploadMemory(directory).open(key) ?? assert.fail()
    assert.equal(upload.location, undefined)
  })

  test('begins again when what was remembered is torn', () => {
    const directory = freshDirectory()
    {
      using upload = uploadMemory(directory).open(key) ?? assert.fail()
      upload.moved('/x')
    }
    const [name = ''] = readdirSync(directory).filter((each) => each.endsWith('.json'))
    writeFileSync(join(directory, name), '{"location": "/x')
    using upload = uploadMemory(directory).open(key) ?? assert.fail()
    assert.equal(upload.location, undefined)
  })
})
