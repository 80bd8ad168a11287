import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { readerOf } from '@gantry/image'
import { MediaType, parseDigest } from '@gantry/oci'
import { rangeServer } from './fixtures/range-server.ts'
import { createRegistryClient } from './index.ts'
import type { ClientEvent, Credential, RegistryClientOptions } from './index.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

const password = 'hunter2-secret'
const token = 'token-secret-1'
const refresh = 'refresh-secret-2'
const basic = Buffer.from(`me:${password}`).toString('base64')
const secrets = [password, token, refresh, basic, encodeURIComponent(basic)]
const credentials: readonly Credential[] = [
  { kind: 'basic', username: 'me', password },
  { kind: 'identity', token: refresh },
  { kind: 'bearer', token },
]
const blob = { mediaType: MediaType.layerTar, digest: parseDigest(`sha256:${'a'.repeat(64)}`), size: 10 }

type Answer = (request: Request) => Response | Promise<Response>

const challenge = (realm: string): Response =>
  new Response(null, { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}",service="s"` } })
const fail = (code: string): never => {
  throw Object.assign(new Error(`it failed for ${password} with ${basic}`), { code })
}
const refuse = (status: number): Answer => {
  return () => new Response(JSON.stringify({ errors: [{ code: 'DENIED', message: 'no' }] }), { status })
}

const failures: Readonly<Record<string, Answer>> = {
  'a refused password': () => new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }),
  'a token service that refuses': ({ url }) =>
    url.includes('/token') ? new Response('', { status: 401 }) : challenge('https://t.example/token'),
  'a token service that fails': ({ url }) =>
    url.includes('/token') ? new Response('', { status: 500 }) : challenge('https://t.example/token'),
  'a token service without TLS': () => challenge('http://t.example/token'),
  'a token service that gives no token': ({ url }) =>
    url.includes('/token') ? new Response(`{"tokn":"${token}"}`) : challenge('https://t.example/token'),
  'a token that is no JSON': ({ url }) =>
    url.includes('/token') ? new Response(token) : challenge('https://t.example/token'),
  'a token that is refused': ({ url }) =>
    url.includes('/token') ? new Response(`{"token":"${token}"}`) : challenge('https://t.example/token'),
  'a token service that is not there': ({ url }) =>
    url.includes('/token') ? fail('ECONNREFUSED') : challenge('https://t.example/token'),
  'a registry that forbids': refuse(403),
  'a registry that fails': refuse(503),
  'a registry that is overwhelmed': () => new Response('', { status: 429, headers: { 'retry-after': '3600' } }),
  'a connection that breaks': () => fail('ECONNRESET'),
  'a certificate that is wrong': () => fail('CERT_HAS_EXPIRED'),
  'a redirect without an end': ({ url }) => new Response(null, { status: 302, headers: { location: url } }),
  'a redirect to a file': () => new Response(null, { status: 302, headers: { location: 'file:///etc/passwd' } }),
  'a redirect without TLS': () => new Response(null, { status: 302, headers: { location: 'http://a.example/' } }),
  'what is no manifest': () => new Response('<html>'),
}

function everything(error: unknown, events: readonly ClientEvent[]): string {
  const texts = [inspect(events, { depth: 20 })]
  for (let each = error; each instanceof Error; each = each.cause) {
    // What others threw is theirs: an error of Node does not hold what was sent, and nothing prints a cause's own text but its code.
    if (each.message.startsWith('it failed for')) break
    texts.push(each.message, String(each.stack), JSON.stringify(each))
  }
  return texts.join('\n')
}

describe('no secret is in what is told of', () => {
  for (const [name, answer] of Object.entries(failures)) {
    test(name, async () => {
      for (const credential of credentials) {
        const events: ClientEvent[] = []
        const client = createRegistryClient({
          credentials: async () => credential,
          fetch: async (request) => answer(request),
          retry: { sleep: async () => undefined, random: () => 0 },
          onEvent: (event) => void events.push(event),
        })
        const repository = client.repository({ registry: 'reg.example', repository: 'app' })
        for (const work of [
          () => client.check('reg.example'),
          () => repository.find('1'),
          () => repository.open(blob),
          () => repository.put(blob, readerOf(new Uint8Array(10))),
          () => repository.draw?.(blob, { open: async () => readerOf(new Uint8Array(10)) }),
          () => repository.delete('1'),
          () => Array.fromAsync(repository.tags()),
        ]) {
          let error: unknown
          try {
            await work()
          } catch (reason) {
            error = reason
          }
          const told = everything(error, events)
          for (const secret of secrets) assert.ok(!told.includes(secret), `${credential.kind}: ${told}`)
        }
      }
    })
  }
})

describe('Authorization', () => {
  /** Which addresses were told a secret, when the registry answers with these. */
  async function told(
    answers: Readonly<Record<string, Answer>>,
    options: RegistryClientOptions = {},
  ): Promise<string[]> {
    const addresses: string[] = []
    const client = createRegistryClient({
      credentials: async (registry) =>
        registry === 'reg.example' ? { kind: 'basic', username: 'me', password } : undefined,
      retry: { attempts: 1 },
      ...options,
      async fetch(request) {
        const { origin, pathname } = new URL(request.url)
        if (request.headers.has('authorization')) addresses.push(origin)
        if (secrets.some((secret) => request.url.includes(secret))) addresses.push(`${origin} in its address`)
        const answer = answers[`${origin}${pathname}`] ?? answers[origin]
        if (origin === 'https://reg.example' && !request.headers.has('authorization')) {
          return new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } })
        }
        return answer === undefined ? new Response('0123456789') : answer(request)
      },
    })
    const repository = client.repository({ registry: 'reg.example', repository: 'app' })
    await repository.open(blob, { verify: false }).then(
      (reader) => reader[Symbol.asyncDispose](),
      () => undefined,
    )
    await repository.put(blob, readerOf(new Uint8Array(10))).catch(() => undefined)
    return [...new Set(addresses)]
  }

  for (const elsewhere of [
    'https://other.example',
    'https://reg.example.evil',
    'https://evil-reg.example',
    'https://reg.example:8443',
    'https://sub.reg.example',
    'https://reg.examp1e',
    'http://reg.example',
    'https://reg.example@evil.example',
    'https://me:pass@evil.example',
  ]) {
    test(`does not follow a redirect or an upload to ${elsewhere}`, async () => {
      const location = `${elsewhere}/x`
      const answers = {
        'https://reg.example': (request: Request) =>
          request.method === 'POST'
            ? new Response(null, { status: 202, headers: { location } })
            : new Response(null, { status: 307, headers: { location } }),
      }
      assert.deepEqual(await told(answers), ['https://reg.example'])
    })
  }

  test('goes along within the registry', async () => {
    const answers = {
      'https://reg.example': ({ url }: Request) =>
        url.includes('/moved/')
          ? new Response('0123456789')
          : new Response(null, { status: 307, headers: { location: '/moved/x' } }),
    }
    assert.deepEqual(await told(answers), ['https://reg.example'])
  })

  test('does not come back from another host with what that one says', async () => {
    const answers = {
      'https://reg.example': () =>
        new Response(null, { status: 307, headers: { location: 'https://other.example/x' } }),
      'https://other.example': () =>
        new Response(null, {
          status: 401,
          headers: { 'www-authenticate': 'Bearer realm="https://other.example/token"' },
        }),
    }
    const addresses = await told(answers)
    assert.ok(!addresses.some((each) => each.includes('other.example')), addresses.join(', '))
  })

  test('goes to a token service without TLS only where the registry itself has none', async () => {
    const addresses = async (realm: string, insecure: boolean): Promise<string[]> => {
      const asked: string[] = []
      const client = createRegistryClient({
        credentials: async () => ({ kind: 'basic', username: 'me', password }),
        retry: { attempts: 1 },
        insecure: () => insecure,
        async fetch(request) {
          const { origin, pathname } = new URL(request.url)
          if (request.headers.has('authorization')) asked.push(origin + pathname)
          if (pathname === '/token') return new Response(`{"token":"${token}"}`)
          return request.headers.has('authorization') ? new Response('{}') : challenge(realm)
        },
      })
      await client.check('reg.example:5000').catch(() => undefined)
      return asked
    }
    const own = 'http://reg.example:5000'
    assert.deepEqual(await addresses(`${own}/token`, true), [`${own}/token`, `${own}/v2/`])
    assert.deepEqual(await addresses('http://reg.example/token', true), [])
    assert.deepEqual(await addresses('http://tokens.example:5000/token', true), [])
    assert.deepEqual(await addresses(`${own}/token`, false), [])
  })

  test('is not sent before a registry asks for it', async () => {
    const server = stack.use(await rangeServer(new Uint8Array(10)))
    const asked: string[] = []
    const client = createRegistryClient({
      credentials: async (registry) => {
        asked.push(registry)
        return { kind: 'basic', username: 'me', password }
      },
    })
    await using reader = await client
      .repository({ registry: server.registry, repository: 'app' })
      .open(blob, { verify: false })
    assert.equal(reader.size, 10)
    assert.deepEqual(asked, [])
  })
})
