import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import { copy, MemoryStore, randomImage } from '@gantry/image'
import type { Image } from '@gantry/image'
import { parseReference } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import { authorityMissing, hubHosts, hubLike } from '@gantry/testing/hub'
import type { HubLike, HubOptions } from '@gantry/testing/hub'
import { createRegistryClient, RegistryError } from './index.ts'
import type { ClientEvent, RegistryClient, RegistryClientOptions } from './index.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const codec = stack.use(createCodec())
const password = 'correct-horse-battery'
const basic = Buffer.from(`me:${password}`).toString('base64')
const missing = authorityMissing()

interface Started {
  readonly hub: HubLike
  readonly image: Image
  readonly events: ClientEvent[]
  readonly waits: number[]
  readonly clientWith: (options?: RegistryClientOptions, environment?: Record<string, string>) => RegistryClient
}

async function start(options: HubOptions = {}, name = 'library/alpine'): Promise<Started> {
  const hub = stack.use(await hubLike(options))
  const image = await randomImage({ codec, seed: 7 })
  const inside = createRegistryClient({ fetch: hub.content.handle, credentials: async () => undefined })
  const repository = inside.repository({ registry: 'inside.example', repository: name })
  await copy(image.source, repository, image.descriptor)
  await repository.tag('latest', image.descriptor)
  const events: ClientEvent[] = []
  const waits: number[] = []
  return {
    hub,
    image,
    events,
    waits,
    clientWith: (more, environment) =>
      createRegistryClient({
        environment: { ...hub.environment, ...environment },
        onEvent: (event) => void events.push(event),
        retry: { sleep: async (milliseconds) => void waits.push(milliseconds), random: () => 0 },
        ...more,
      }),
  }
}

describe('Docker Hub', { skip: missing ?? false }, () => {
  test('is what a plain name means, and is pulled from anonymously', async () => {
    const { hub, image, events, clientWith } = await start()
    const reference = parseReference('alpine')
    const repository = clientWith().repository(reference)
    const found = await repository.find(reference.tag ?? '')
    assert.equal(found.digest, image.descriptor.digest)
    const store = new MemoryStore(codec)
    await copy(repository, store, found)
    assert.equal(await store.has(image.descriptor), true)

    const tokens = hub.requests.filter(({ host }) => host === hubHosts.tokens)
    assert.equal(tokens.length, 1, 'one token for one scope')
    assert.match(tokens[0]?.path ?? '', /scope=repository%3Alibrary%2Falpine%3Apull&/)
    const blobs = hub.requests.filter(({ host }) => host === hubHosts.blobs)
    assert.ok(blobs.length > 0)
    assert.deepEqual(
      new Set(blobs.map(({ authorization, status }) => `${authorization} ${status}`)),
      new Set(['none 200']),
    )
    const limit = events.find((event) => event.kind === 'rate-limit')?.limit
    assert.deepEqual(limit, { limit: 100, remaining: 100, window: 21_600, source: '127.0.0.1' })
  })

  test('gives what is hidden to who has a password, which goes to the token service alone', async () => {
    const { hub, clientWith } = await start({ users: { me: password }, hidden: ['me/app'] }, 'me/app')
    const reference = parseReference('me/app')
    const anonymous = clientWith().repository(reference)
    await assert.rejects(
      anonymous.find('latest'),
      (error) => error instanceof RegistryError && error.code === 'UNAUTHORIZED',
    )
    const auth = JSON.stringify({ auths: { 'https://index.docker.io/v1/': { auth: basic } } })
    const mine = clientWith({}, { DOCKER_AUTH_CONFIG: auth }).repository(reference)
    hub.requests.length = 0
    await copy(mine, new MemoryStore(codec), await mine.find('latest'))
    for (const { host, authorization } of hub.requests) {
      assert.equal(authorization === 'basic', host === hubHosts.tokens, `${authorization} for ${host}`)
    }
  })

  test('refuses a wrong password, and nobody shows it', async () => {
    const { clientWith } = await start({ users: { me: password } })
    const environment = { GANTRY_REGISTRY_USER: 'me', GANTRY_REGISTRY_PASSWORD: 'not-that-one' }
    const error = await clientWith({}, environment)
      .check('docker.io')
      .catch((reason: unknown) => reason)
    assert.ok(error instanceof RegistryError && error.code === 'UNAUTHORIZED')
    assert.match(error.message, /the credentials were refused for docker.io; run "gantry login docker.io"/)
    assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /not-that-one/)
  })

  test('is waited for as long as it says when there was too much', async () => {
    const { hub, waits, events, clientWith } = await start({ retryAfter: '7', limit: 1 })
    const repository = clientWith().repository(parseReference('alpine'))
    hub.remaining = 0
    const [found, error] = await Promise.all([
      repository.resolve('latest'),
      copy(repository, new MemoryStore(codec), await repository.find('latest')).catch((reason: unknown) => reason),
    ])
    assert.ok(found !== undefined, 'a HEAD counts for nothing')
    assert.ok(error instanceof Error && error.cause instanceof RegistryError)
    assert.equal(error.cause.code, 'TOOMANYREQUESTS')
    assert.deepEqual(waits, [7000, 7000, 7000, 7000])
    assert.ok(events.some((event) => event.kind === 'rate-limit' && event.limit.remaining === 0))
    assert.ok(events.some((event) => event.kind === 'retry' && event.status === 429 && event.wait === 7000))
  })

  test('is waited for until a date, too, and then it goes on', async () => {
    const retryAfter = new Date(Date.now() + 20_000).toUTCString()
    const { hub, image, waits, clientWith } = await start({ retryAfter })
    hub.remaining = 0
    const repository = clientWith({
      retry: {
        async sleep(milliseconds) {
          waits.push(milliseconds)
          hub.remaining = 100
        },
      },
    }).repository(parseReference('alpine'))
    const store = new MemoryStore(codec)
    await copy(repository, store, image.descriptor)
    assert.equal(await store.has(image.descriptor), true)
    assert.ok(waits.length > 0 && waits.every((wait) => wait > 5000 && wait <= 20_000), String(waits))
  })

  test('gives another token when one has ended', async () => {
    const { hub, image, clientWith } = await start()
    const repository = clientWith().repository(parseReference('alpine'))
    await repository.find('latest')
    hub.revoke()
    const store = new MemoryStore(codec)
    await copy(repository, store, image.descriptor)
    assert.equal(await store.has(image.descriptor), true)
    assert.equal(hub.requests.filter(({ host }) => host === hubHosts.tokens).length, 2)
  })

  test('takes pushes, large ones in chunks', async () => {
    const { hub, image, clientWith } = await start({ users: { me: password } })
    const environment = { GANTRY_REGISTRY_USER: 'me', GANTRY_REGISTRY_PASSWORD: password }
    const transfer = { chunkAbove: 1000, chunk: 700, segment: 1000 }
    const repository = clientWith({ transfer }, environment).repository(parseReference('me/app'))
    await copy(image.source, repository, image.descriptor)
    await repository.tag('1', image.descriptor)
    assert.ok(hub.requests.filter(({ method }) => method === 'PATCH').length > 2)
    assert.equal((await repository.find('1')).digest, image.descriptor.digest)
  })

  test('gives large blobs in parts over several connections, each through its own redirect', async () => {
    const { hub, image, clientWith } = await start()
    const root = mkdtempSync(join(tmpdir(), 'gantry-hub-client-'))
    stack.defer(() => rmSync(root, { recursive: true, force: true }))
    const state = stack.use(openState(join(root, 'state.db'), [storeMigrations]))
    const store = stack.use(await openStore({ root: join(root, 'content'), state, codec, leastPartial: 1000 }))
    const repository = clientWith({ transfer: { segment: 2000 } }).repository(parseReference('alpine'))
    await copy(repository, store, image.descriptor)
    assert.equal(await store.has(image.descriptor), true)
    const parts = hub.requests.filter(({ host, range }) => host === hubHosts.blobs && range !== undefined)
    assert.ok(parts.length > 2)
    for (const { range, status } of parts) assert.match(`${range} ${status}`, /^bytes=\d+-\d+ 206$/)
  })
})
