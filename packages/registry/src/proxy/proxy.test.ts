import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { digestOf } from '@gantry/codec'
import { MediaType } from '@gantry/oci'
import { parseAccessConfig } from '../access/access-config.ts'
import { createAccess } from '../access/create-access.ts'
import type { Answer, RegistryRequest } from '../exchange.ts'
import { imageDocument, push, pushManifest } from '../fixtures/registry-fixture.ts'
import type { Pushed } from '../fixtures/registry-fixture.ts'
import { serveRegistry } from '../serve-registry.ts'
import { ProxyWorld } from './fixtures/proxy-world.ts'
import type { TestCache, TestUpstream } from './fixtures/proxy-world.ts'
import { parseProxyConfig } from './proxy-config.ts'

const world = new ProxyWorld()
after(() => world[Symbol.asyncDispose]())

async function pushImage(upstream: TestUpstream, repository = 'a/b', reference = 'latest'): Promise<Pushed> {
  const document = await imageDocument(upstream.registry, `${repository} ${reference}`, repository)
  return pushManifest(upstream.registry, document, { repository, reference })
}

async function tagsOf(cache: TestCache, path: string): Promise<readonly string[]> {
  return ((await (await cache.get(path)).json()) as { tags: string[] }).tags
}

async function referrersOf(response: Response): Promise<readonly string[]> {
  const { manifests } = (await response.json()) as { manifests: { digest: string }[] }
  return manifests.map(({ digest }) => digest)
}

const send = (
  cache: TestCache,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Response> => fetch(`${cache.served.address}${path}`, { method, headers })

describe('names of cached content', () => {
  test('?ns= selects the upstream, and its content has the name with the prefix', async () => {
    const one = await world.upstream()
    const two = await world.upstream()
    const image = await pushImage(two, 'library/x')
    const cache = await world.cache([one, two])
    const response = await cache.get(`/v2/library/x/manifests/latest?ns=${two.name}`)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('oci-namespace'), two.name)
    assert.equal(response.headers.get('docker-content-digest'), image.descriptor.digest)
    assert.equal(one.asked.length, 0)
    await response.arrayBuffer()
    assert.equal((await cache.get('/v2/hub1/library/x/manifests/latest')).status, 200)
    assert.equal(two.asked.length, 1)
    assert.equal((await cache.get('/v2/library/x/manifests/latest')).status, 404)
    const unknown = await cache.get('/v2/library/x/manifests/latest?ns=elsewhere.example')
    assert.equal(unknown.status, 404)
    assert.equal(unknown.headers.get('oci-namespace'), null)
  })

  test('the default upstream is asked for what is not here, and what is here wins', async () => {
    const upstream = await world.upstream()
    const image = await pushImage(upstream, 'library/x')
    await pushImage(upstream, 'mine')
    const cache = await world.cache([upstream], { config: { default: upstream.name } })
    const pulled = await cache.get('/v2/library/x/manifests/latest')
    assert.equal(pulled.headers.get('docker-content-digest'), image.descriptor.digest)
    assert.equal(pulled.headers.get('oci-namespace'), null)
    const mine = await pushManifest(cache.registry, await imageDocument(cache.registry, 'local', 'mine'), {
      repository: 'mine',
    })
    const own = await cache.get('/v2/mine/manifests/latest')
    assert.equal(own.headers.get('docker-content-digest'), mine.descriptor.digest)
    assert.equal(upstream.asked.length, 1)
  })

  test('who pushes what the default upstream has too must send it', async () => {
    const upstream = await world.upstream()
    const blob = await push(upstream.registry, Buffer.from('shared'), 'library/x')
    const cache = await world.cache([upstream], { config: { default: upstream.name } })
    assert.equal((await send(cache, 'HEAD', `/v2/library/x/blobs/${blob.digest}`)).status, 404)
    assert.equal((await cache.get(`/v2/library/x/blobs/${blob.digest}`)).status, 200)
  })

  test('an encoded name does not reach another repository', async () => {
    const upstream = await world.upstream()
    await pushImage(upstream, 'library/x')
    const may = (repository: string): boolean => repository === 'library/x'
    const principal = { name: '', kind: 'anonymous' as const, may }
    const cache = await world.cache([upstream], { around: (next) => (request) => next({ ...request, principal }) })
    for (const path of ['/v2/library%2Fx', '/v2/library/%78', '/v2/library/x']) {
      const response = await cache.get(`${path}/manifests/latest?ns=${upstream.name}`)
      assert.ok(response.status === 403 || response.status === 404, `${path}: ${response.status}`)
    }
    assert.equal(upstream.asked.length, 0)
  })
})

describe('pushes beside the cache', () => {
  test('a push to a proxied name is refused, one to another name is taken', async () => {
    const upstream = await world.upstream()
    const cache = await world.cache([upstream])
    for (const [method, path] of [
      ['POST', '/v2/hub/a/b/blobs/uploads/'],
      ['PUT', '/v2/hub/a/b/manifests/latest'],
      ['POST', `/v2/a/b/blobs/uploads/?ns=${upstream.name}`],
    ] as const) {
      const response = await send(cache, method, path)
      assert.equal(response.status, 403)
      const { errors } = (await response.json()) as { errors: { code: string; message: string }[] }
      assert.equal(errors[0]?.code, 'DENIED')
    }
    assert.equal((await send(cache, 'POST', '/v2/own/blobs/uploads/')).status, 202)
    assert.equal(upstream.asked.length, 0)
  })

  test('where pushes are taken, a tag that was pushed here is never asked for', async () => {
    const upstream = await world.upstream()
    await pushImage(upstream, 'a/b')
    const cache = await world.cache([upstream], { upstream: { push: 'local' } })
    await (await cache.get('/v2/hub/a/b/manifests/latest')).arrayBuffer()
    const address = `${cache.served.address}/v2/hub/a/b`
    const blob = Buffer.from('{"local":true}')
    const digest = digestOf(blob)
    assert.equal(
      (await fetch(`${address}/blobs/uploads/?digest=${digest}`, { method: 'POST', body: blob })).status,
      201,
    )
    const config = { mediaType: MediaType.imageConfig, digest, size: blob.length }
    const document = { schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: [] }
    const body = JSON.stringify(document)
    const headers = { 'Content-Type': MediaType.imageManifest }
    const put = await fetch(`${address}/manifests/latest`, { method: 'PUT', body, headers })
    assert.equal(put.status, 201)
    const asked = upstream.asked.length
    cache.now += 24 * 3_600_000
    const pulled = await cache.get('/v2/hub/a/b/manifests/latest')
    assert.deepEqual(Buffer.from(await pulled.arrayBuffer()), Buffer.from(body))
    assert.equal(upstream.asked.length, asked)
    // Deleted here, it is the upstream's again.
    assert.equal((await send(cache, 'DELETE', '/v2/hub/a/b/manifests/latest')).status, 202)
    assert.notEqual(
      (await cache.get('/v2/hub/a/b/manifests/latest')).headers.get('docker-content-digest'),
      put.headers.get('docker-content-digest'),
    )
  })

  test('repositories that are not allowed are not asked for', async () => {
    const upstream = await world.upstream()
    for (const repository of ['library/x', 'library/secret', 'team/x']) await pushImage(upstream, repository)
    const cache = await world.cache([upstream], { upstream: { allow: ['library/*'], deny: ['**/secret'] } })
    assert.equal((await cache.get('/v2/hub/library/x/manifests/latest')).status, 200)
    assert.equal((await cache.get('/v2/hub/library/secret/manifests/latest')).status, 403)
    assert.equal((await cache.get('/v2/hub/team/x/manifests/latest')).status, 403)
    assert.equal(upstream.asked.length, 1)
  })
})

describe('lists of an upstream', () => {
  test('tags are the upstream’s and those that are here, remembered, and served when it fails', async () => {
    const upstream = await world.upstream()
    for (const tag of ['one', 'two', 'three']) await pushImage(upstream, 'a/b', tag)
    const cache = await world.cache([upstream])
    await pushManifest(cache.registry, await imageDocument(cache.registry, 'local', 'hub/a/b'), {
      repository: 'hub/a/b',
      reference: 'own',
    })
    const list = '/v2/hub/a/b/tags/list'
    assert.deepEqual(await tagsOf(cache, list), ['one', 'own', 'three', 'two'])
    const page = await cache.get(`${list}?n=2`)
    assert.match(page.headers.get('link') ?? '', /^<\/v2\/hub\/a\/b\/tags\/list\?n=2&last=own>; rel="next"$/)
    assert.equal(upstream.asked.length, 1)
    upstream.fault = () => ({ status: 500 })
    cache.now += 600_000
    const stale = await cache.get(list)
    assert.match(stale.headers.get('warning') ?? '', /^299 /)
    assert.equal(stale.status, 200)
    assert.equal((await cache.get('/v2/hub/unknown/tags/list')).status, 502)
    upstream.fault = undefined
    assert.equal((await cache.get('/v2/hub/none/tags/list')).status, 404)
  })

  test('what is not there, and what nothing refers to, is asked for once in a while', async () => {
    const upstream = await world.upstream()
    const { descriptor } = await pushImage(upstream)
    const cache = await world.cache([upstream])
    for (const path of ['/v2/hub/none/tags/list', `/v2/hub/a/b/referrers/${descriptor.digest}`]) {
      upstream.asked.length = 0
      const first = await cache.get(path)
      const second = await cache.get(path)
      assert.equal(first.status, second.status)
      assert.equal(upstream.asked.length, 1)
      cache.now += 600_000
      await cache.get(path)
      assert.equal(upstream.asked.length, 2)
    }
  })

  for (const api of [true, false]) {
    test(`referrers pass through, from ${api ? 'the API' : 'the fallback tag'} of the upstream`, async () => {
      const upstream = await world.upstream()
      const { descriptor: subject } = await pushImage(upstream)
      const empty = await push(upstream.registry, Buffer.from('{}'))
      const config = { ...empty, mediaType: 'application/vnd.oci.empty.v1+json' }
      const attach = async (artifactType: string): Promise<Pushed> =>
        pushManifest(
          upstream.registry,
          { artifactType, config, layers: [], subject },
          { reference: `ref-${artifactType.length}` },
        )
      const sbom = await attach('application/sbom')
      const signature = await attach('application/signature')
      if (!api) {
        const manifests = [sbom, signature].map(({ descriptor }, index) => ({
          ...descriptor,
          artifactType: ['application/sbom', 'application/signature'][index],
        }))
        await pushManifest(
          upstream.registry,
          { manifests },
          { reference: subject.digest.replace(':', '-'), mediaType: MediaType.imageIndex },
        )
        upstream.fault = (request) => (request.path.includes('/referrers/') ? { status: 404 } : undefined)
      }
      const cache = await world.cache([upstream])
      const path = `/v2/hub/a/b/referrers/${subject.digest}`
      const all = [sbom.descriptor.digest, signature.descriptor.digest].toSorted()
      assert.deepEqual(await referrersOf(await cache.get(path)), all)
      const asked = upstream.asked.length
      const filtered = await cache.get(`${path}?artifactType=application/sbom`)
      assert.equal(filtered.headers.get('oci-filters-applied'), 'artifactType')
      assert.deepEqual(await referrersOf(filtered), [sbom.descriptor.digest])
      assert.equal(upstream.asked.length, asked)
      assert.equal((await cache.get(`/v2/hub/a/b/manifests/${sbom.descriptor.digest}`)).status, 200)
      upstream.fault = () => ({ status: 503 })
      cache.now += 600_000
      assert.deepEqual(await referrersOf(await cache.get(path)), all)
    })
  }
})

describe('credentials of upstreams', () => {
  test('they go to the registry alone, and the client’s go nowhere', async () => {
    const upstream = await world.upstream()
    const blob = Buffer.alloc(300_000, 'layer')
    const { digest } = await push(upstream.registry, blob)
    await pushImage(upstream)
    const stored: (string | undefined)[] = []
    const files = createServer((request, response) => {
      stored.push(request.headers.authorization)
      if (request.url?.includes('expired') === true) response.writeHead(403).end('secret-in-body')
      else response.end(blob)
    })
    await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve))
    after(() => files.close())
    const elsewhere = `http://127.0.0.1:${(files.address() as AddressInfo).port}`
    const expected = `Basic ${Buffer.from('robot:upstream-secret').toString('base64')}`
    let location = `${elsewhere}/signed?token=signed-secret`
    upstream.fault = (request) => {
      if (request.header('authorization') !== expected) {
        return { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="upstream-realm"' } }
      }
      return request.path.includes('/blobs/') ? { status: 307, headers: { Location: location } } : undefined
    }
    const credentials = { username: 'robot', password: 'upstream-secret' }
    const cache = await world.cache([upstream], { upstream: { credentials, negativeLifetime: '0s' } })
    const headers = { authorization: 'Bearer client-secret', cookie: 'client-secret' }
    assert.equal((await cache.get('/v2/hub/a/b/manifests/latest', headers)).status, 200)
    location = `${elsewhere}/expired?token=signed-secret`
    const refused = await cache.get(`/v2/hub/a/b/blobs/${digest}`, headers)
    assert.equal(refused.status, 403)
    location = `${elsewhere}/signed?token=signed-secret`
    const given = await cache.get(`/v2/hub/a/b/blobs/${digest}`, headers)
    assert.deepEqual(Buffer.from(await given.arrayBuffer()), blob)
    upstream.fault = () => ({ status: 401, headers: { 'WWW-Authenticate': 'Basic realm="upstream-realm"' } })
    const denied = await cache.get('/v2/hub/a/b/manifests/other', headers)
    assert.equal(denied.status, 403)
    assert.equal(denied.headers.get('www-authenticate'), null)
    const told = [
      await refused.text(),
      await denied.text(),
      ...[refused, denied].flatMap((each) => [...each.headers].flat()),
    ].join(' ')
    assert.doesNotMatch(told, /secret|upstream-realm|robot/)
    for (const error of cache.errors) assert.doesNotMatch(String(error), /secret/)
    assert.ok(stored.length >= 2 && stored.every((each) => each === undefined))
    for (const request of upstream.asked) assert.doesNotMatch(request.header('authorization') ?? '', /client-secret/)
    for (const request of upstream.asked) assert.equal(request.header('cookie'), undefined)
  })

  test('tokens are got for the repository, once for all requests', async () => {
    const upstream = await world.upstream()
    await pushImage(upstream)
    const tokens: (string | undefined)[] = []
    const service = createServer((request, response) => {
      tokens.push(request.url)
      response.end(JSON.stringify({ token: 'bearer-secret', expires_in: 300 }))
    })
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
    after(() => service.close())
    const realm = `http://127.0.0.1:${(service.address() as AddressInfo).port}/token`
    const challenge = `Bearer realm="${realm}",service="registry.example",scope="repository:a/b:pull"`
    upstream.fault = (request) =>
      request.header('authorization') === 'Bearer bearer-secret'
        ? undefined
        : { status: 401, headers: { 'WWW-Authenticate': challenge } }
    const cache = await world.cache([upstream])
    const manifest = (await (await cache.get('/v2/hub/a/b/manifests/latest')).json()) as {
      config: { digest: string }
      layers: readonly { digest: string }[]
    }
    for (const { digest } of [manifest.config, ...manifest.layers]) {
      assert.equal((await cache.get(`/v2/hub/a/b/blobs/${digest}`)).status, 200)
    }
    assert.deepEqual(tokens, ['/token?service=registry.example&scope=repository%3Aa%2Fb%3Apull&client_id=gantry'])
    assert.equal(upstream.asked.length, 4)
  })

  test('access rules are asked before the cache, about the name that is stored', async () => {
    const upstream = await world.upstream()
    await pushImage(upstream)
    const asked: string[] = []
    const may = (repository: string, action: string): boolean => {
      asked.push(`${action} ${repository}`)
      return false
    }
    const guard =
      (next: Answer): Answer =>
      (request: RegistryRequest) =>
        next({ ...request, principal: { name: 'u', kind: 'user', may } })
    const cache = await world.cache([upstream], { around: guard })
    assert.equal((await cache.get(`/v2/a/b/manifests/latest?ns=${upstream.name}`)).status, 403)
    assert.deepEqual(asked, ['pull hub/a/b'])
    assert.equal(upstream.asked.length, 0)
  })
})

describe('the cache behind the access control', () => {
  test('rules are about the stored name, and tokens for the name that clients use are enough', async () => {
    const upstream = await world.upstream()
    await pushImage(upstream, 'library/x')
    await pushImage(upstream, 'closed/x')
    const cache = await world.cache([upstream], { config: { default: upstream.name } })
    const { proxy, registry, state } = cache
    const rules = [{ who: ['anonymous'], repositories: ['hub/library/**'], actions: ['pull'] }]
    const config = parseAccessConfig({ rules })
    await using access = await createAccess({ config, state, naming: proxy.naming })
    const answer = proxy.naming(access.before(proxy.middleware(registry.answer)))
    const served = await serveRegistry({ registry: { answer }, port: 0 })
    after(() => served.close({ timeout: 0 }))
    // As dockerd does: a token for the name that it was told, used for everything.
    const challenge = (await fetch(`${served.address}/v2/`)).headers.get('www-authenticate') ?? ''
    const realm = /realm="([^"]*)"/.exec(challenge)?.[1] ?? ''
    const tokenFor = async (repository: string): Promise<string> => {
      const asked = await fetch(`${realm}?service=gantry&scope=repository:${repository}:pull`)
      return ((await asked.json()) as { token: string }).token
    }
    const pull = async (path: string, token?: string): Promise<number> => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      return (await fetch(`${served.address}${path}`, { headers })).status
    }
    const token = await tokenFor('library/x')
    assert.equal(await pull('/v2/library/x/manifests/latest', token), 200)
    assert.equal(await pull(`/v2/library/x/manifests/latest?ns=${upstream.name}`, token), 200)
    assert.equal(await pull('/v2/hub/library/x/manifests/latest'), 200)
    assert.equal(await pull('/v2/closed/x/manifests/latest', await tokenFor('closed/x')), 401)
    assert.equal(await pull('/v2/hub/closed/x/manifests/latest'), 401)
    assert.equal(upstream.count('GET', '/closed/'), 0)
  })
})

describe('mirrors', () => {
  test('a mirror is asked first, and the registry where it fails or lacks', async () => {
    const [mirror, origin] = [await world.upstream(), await world.upstream()]
    await pushImage(mirror, 'cached/a/b')
    await pushImage(origin, 'a/b')
    await pushImage(origin, 'only/here')
    const mirrors = [{ registry: mirror.name, path: 'cached' }]
    const cache = await world.cache([origin], { upstream: { mirrors } })
    assert.equal((await cache.get('/v2/hub/a/b/manifests/latest')).status, 200)
    assert.deepEqual([mirror.asked.length, origin.asked.length], [1, 0])
    assert.equal((await cache.get('/v2/hub/only/here/manifests/latest')).status, 200)
    assert.deepEqual([mirror.asked.length, origin.asked.length], [2, 1])
    mirror.fault = () => ({ status: 500 })
    const config = await origin.registry.handle(new Request('http://x/v2/a/b/manifests/latest'))
    const digest = ((await config.json()) as { config: { digest: string } }).config.digest
    assert.equal((await cache.get(`/v2/hub/a/b/blobs/${digest}`)).status, 200)
  })

  test('no more requests are under way than are allowed', async () => {
    const upstream = await world.upstream()
    const blobs = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => push(upstream.registry, Buffer.alloc(100_000, String(index)))),
    )
    let now = 0
    let most = 0
    upstream.fault = () => ({
      change: (response) => {
        most = Math.max(most, (now += 1))
        return { ...response, settled: () => void (now -= 1) }
      },
    })
    const cache = await world.cache([upstream], { upstream: { concurrency: 2 } })
    await Promise.all(blobs.map(async ({ digest }) => (await cache.get(`/v2/hub/a/b/blobs/${digest}`)).arrayBuffer()))
    assert.equal(upstream.count('GET', '/blobs/'), 6)
    assert.ok(most <= 2, `${most} at once`)
  })

  const hasOpenssl = existsSync('/usr/bin/openssl') ? false : 'openssl is not installed'
  test('a private authority is trusted where it is said', { skip: hasOpenssl }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gantry-proxy-tls-'))
    after(() => rmSync(directory, { recursive: true, force: true }))
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=127.0.0.1']
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert]
    await promisify(execFile)('openssl', ['req', ...made, ...names])
    const upstream = await world.upstream()
    await pushImage(upstream)
    const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
    const served = await serveRegistry({ registry: upstream.registry, port: 0, tls })
    after(() => served.close({ timeout: 0 }))
    const safe = { ...upstream, name: `127.0.0.1:${served.port}` }
    const path = '/v2/hub/a/b/manifests/latest'
    const trusting = await world.cache([safe], { upstream: { insecure: false, authorities: [cert] } })
    assert.equal((await trusting.get(path)).status, 200)
    const wary = await world.cache([safe], { upstream: { insecure: false } })
    assert.equal((await wary.get(path)).status, 502)
  })
})

describe('parseProxyConfig', () => {
  const good = { upstreams: [{ registry: 'docker.io', prefix: 'hub' }, { registry: 'ghcr.io' }], default: 'docker.io' }
  test('reads what is right', () => {
    assert.deepEqual(parseProxyConfig(good), good)
  })

  const rows: readonly (readonly [string, unknown, string])[] = [
    ['a key that is not known', { ...good, uptream: 1 }, 'proxy.uptream'],
    ['no upstreams', {}, 'proxy.upstreams'],
    ['a registry with a scheme', { upstreams: [{ registry: 'https://x' }] }, 'proxy.upstreams[0].registry'],
    ['a prefix that is no name', { upstreams: [{ registry: 'x', prefix: 'A B' }] }, 'proxy.upstreams[0].prefix'],
    [
      'one prefix twice',
      { upstreams: [{ registry: 'x' }, { registry: 'y', prefix: 'x' }] },
      'proxy.upstreams[1].prefix',
    ],
    [
      'a prefix in another',
      { upstreams: [{ registry: 'x' }, { registry: 'y', prefix: 'x/y' }] },
      'proxy.upstreams[1].prefix',
    ],
    [
      'one namespace twice',
      { upstreams: [{ registry: 'x' }, { registry: 'y', namespaces: ['x'] }] },
      'proxy.upstreams[1].namespaces',
    ],
    ['a default that is none', { ...good, default: 'quay.io' }, 'proxy.default'],
    [
      'half a credential',
      { upstreams: [{ registry: 'x', credentials: { username: 'u' } }] },
      'proxy.upstreams[0].credentials',
    ],
    ['a pattern that is none', { upstreams: [{ registry: 'x', allow: ['{a'] }] }, 'proxy.upstreams[0].allow[0]'],
    ['a time without a unit', { upstreams: [{ registry: 'x', tagLifetime: 5 }] }, 'proxy.upstreams[0].tagLifetime'],
  ]
  for (const [what, value, path] of rows) {
    test(`refuses ${what}`, () => {
      assert.throws(() => parseProxyConfig(value), { code: 'CONFIG_INVALID', path })
    })
  }

  test('never shows a secret', () => {
    const credentials = { username: 'u', password: 'hunter2', token: 'hunter2' }
    assert.throws(
      () => parseProxyConfig({ upstreams: [{ registry: 'x', credentials }] }),
      (error: Error) => !error.message.includes('hunter2'),
    )
  })
})
