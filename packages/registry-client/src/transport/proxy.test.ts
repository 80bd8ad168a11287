import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { after, describe, test } from 'node:test'
import { authorityMissing, privateAuthority, testProxy } from '@gantry/testing/hub'
import * as fc from 'fast-check'
import { createRegistryClient, RegistryError } from '../index.ts'
import { isExempt, proxyFor } from './proxy-for.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.defer(() => void server.close())
  return (server.address() as AddressInfo).port
}

for (const [url, rules, expected] of [
  ['https://reg.example/', 'reg.example', true],
  ['https://a.reg.example/', 'reg.example', true],
  ['https://areg.example/', 'reg.example', false],
  ['https://reg.example.evil/', 'reg.example', false],
  ['https://reg.example/', '.reg.example', false],
  ['https://a.reg.example/', '.reg.example', true],
  ['https://a.reg.example/', '*.reg.example', true],
  ['https://reg.example/', '*.reg.example', false],
  ['https://REG.example/', 'other, Reg.Example', true],
  ['https://reg.example./', 'reg.example', true],
  ['https://reg.example:5000/', 'reg.example:5000', true],
  ['https://reg.example:5001/', 'reg.example:5000', false],
  ['https://reg.example/', 'reg.example:443', true],
  ['http://reg.example/', 'reg.example:443', false],
  ['https://anything.example/', '*', true],
  ['https://10.1.2.3/', '10.0.0.0/8', true],
  ['https://11.1.2.3/', '10.0.0.0/8', false],
  ['https://10.1.2.3/', '10.1.2.3', true],
  ['https://10.1.2.3:5000/', '10.1.2.3:5000', true],
  ['https://10.1.2.30/', '10.1.2.3', false],
  ['https://[fd00::1]/', 'fd00::/8', true],
  ['https://[fd00::1]/', '[fd00::1]', true],
  ['https://[fd00::1]:5000/', '[fd00::1]:5000', true],
  ['https://[fe80::1]/', 'fd00::/8', false],
  ['https://reg.example/', '10.0.0.0/8', false],
  ['https://reg.example/', ' , ,', false],
  ['https://reg.example/', '', false],
  ['http://localhost:5000/', '', true],
  ['http://127.1.2.3/', '', true],
  ['http://[::1]/', '', true],
] as const) {
  test(`NO_PROXY="${rules}" ${expected ? 'exempts' : 'does not exempt'} ${url}`, () => {
    assert.equal(isExempt(new URL(url), rules), expected)
  })
}

test('no list makes NO_PROXY fail, and a host in it is always exempt', () => {
  const label = fc.stringMatching(/^[a-z]{1,6}$/)
  const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'))
  const noise = fc.oneof(
    fc.string(),
    fc.constantFrom('*.', '.', '/', '10.0.0.0/99', '[', ']:', ':80', '::/0', '1.2.3.4/x'),
  )
  fc.assert(
    fc.property(host, fc.array(noise), (name, others) => {
      const rules = others.filter((each) => !/^[\s,]*\*[\s,]*$/.test(each)).join(',')
      assert.equal(typeof isExempt(new URL(`https://${name}/`), rules), 'boolean')
      assert.ok(isExempt(new URL(`https://${name}/`), `${rules},${name}`))
      assert.ok(isExempt(new URL(`https://below.${name}:8443/`), `${name} ${rules}`))
    }),
  )
})

describe('the proxy for an address', () => {
  const url = new URL('https://reg.example/')
  for (const [name, environment, expected] of [
    ['nothing', {}, undefined],
    ['upper case', { HTTPS_PROXY: 'http://p:1' }, 'http://p:1/'],
    ['lower case, which goes first', { HTTPS_PROXY: 'http://p:1', https_proxy: 'http://q:2' }, 'http://q:2/'],
    ['without a scheme', { HTTPS_PROXY: 'p.example:1' }, 'http://p.example:1/'],
    ['for both', { ALL_PROXY: 'http://p:1' }, 'http://p:1/'],
    ['for the other scheme', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['empty', { HTTPS_PROXY: '' }, undefined],
    ['exempt', { HTTPS_PROXY: 'http://p:1', no_proxy: 'example' }, undefined],
  ] as const) {
    test(name, () => assert.equal(proxyFor(url, environment)?.href, expected))
  }

  test('is not shown when it is none', () => {
    assert.throws(
      () => proxyFor(url, { HTTPS_PROXY: 'socks5://me:hunter2@p' }),
      (error) => error instanceof TypeError && !error.message.includes('hunter2'),
    )
  })
})

test('plain requests go through a proxy in absolute form, with its own credentials', async () => {
  const authorizations: (string | undefined)[] = []
  const port = await listen(
    createServer(({ headers }, response) => {
      authorizations.push(headers['proxy-authorization'])
      response.end('{}')
    }),
  )
  const authorization = `Basic ${Buffer.from('me:p@ss').toString('base64')}`
  const proxy = stack.use(await testProxy({ portOf: () => port, authorization }))
  const address = proxy.url.replace('http://', 'http://me:p%40ss@')
  const settings = { credentials: async () => undefined, insecure: () => true }
  await createRegistryClient({ ...settings, environment: { HTTP_PROXY: address } }).check('reg.test')
  assert.deepEqual(proxy.asked, ['GET http://reg.test/v2/'])
  assert.deepEqual(authorizations, [undefined], 'the proxy keeps them to itself')

  const refused = createRegistryClient({ ...settings, environment: { http_proxy: proxy.url } })
  await assert.rejects(refused.check('reg.test'), (error) => error instanceof RegistryError && error.status === 407)
})

describe('a registry with TLS behind a proxy', { skip: authorityMissing() ?? false }, () => {
  const settings = { credentials: async () => undefined, retry: { attempts: 1 } }

  test('is reached through a tunnel, and a host that is exempt is not', async () => {
    const authority = privateAuthority()
    const server = createTlsServer(authority.certificateFor(['reg.test']), (_, response) => response.end('{}'))
    const port = await listen(server)
    const authorization = `Basic ${Buffer.from('me:hunter2').toString('base64')}`
    const proxy = stack.use(
      await testProxy({ portOf: (host) => (host === 'reg.test' ? port : undefined), authorization }),
    )
    const address = proxy.url.replace('http://', 'http://me:hunter2@')
    const client = createRegistryClient({
      ...settings,
      authorities: [authority.ca],
      environment: { HTTPS_PROXY: address, NO_PROXY: 'direct.invalid' },
    })
    await client.check('reg.test')
    assert.deepEqual(proxy.asked, ['CONNECT reg.test:443'])
    await assert.rejects(client.check('direct.invalid'))
    assert.equal(proxy.asked.length, 1)

    for (const [environment, registry] of [
      [{ https_proxy: proxy.url }, 'reg.test'],
      [{ https_proxy: address }, 'nobody.test'],
      [{ https_proxy: address.replace(/:\d+$/, ':1') }, 'reg.test'],
    ] as const) {
      const error = await createRegistryClient({ ...settings, environment })
        .check(registry)
        .catch((reason: unknown) => reason)
      assert.ok(error instanceof RegistryError && error.code === 'UNREACHABLE', String(error))
      assert.doesNotMatch(`${error.stack} ${String(error.cause)}`, /hunter2|bWU6aHVudGVyMg/)
    }
    server.closeAllConnections()
  })
})
