import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RegistryRequest } from '../exchange.ts'
import { parseTrustedProxies, trustProxies } from './trust-proxies.ts'

async function seen(peer: string, headers: Readonly<Record<string, string>>): Promise<string> {
  let last: RegistryRequest | undefined
  const proxies = parseTrustedProxies(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32'])
  const answer = trustProxies(proxies)(async (request) => {
    last = request
    return { status: 200, headers: {} }
  })
  await answer({
    method: 'GET',
    path: '/v2/',
    query: new URLSearchParams(),
    header: (name) => headers[name],
    body: (async function* () {})(),
    peer,
    scheme: 'http',
    host: 'inner:5000',
  })
  return `${last?.peer} ${last?.scheme}://${last?.host}`
}

describe('trustProxies', () => {
  const all = { 'x-forwarded-for': '198.51.100.1', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'outer.example' }
  const rows: readonly (readonly [
    peer: string,
    headers: Readonly<Record<string, string>>,
    seen: string,
    rule: string,
  ])[] = [
    ['10.1.2.3', all, '198.51.100.1 https://outer.example', 'takes the word of a trusted one'],
    ['::ffff:10.1.2.3', all, '198.51.100.1 https://outer.example', 'in either form of its address'],
    ['2001:db8::1', all, '198.51.100.1 https://outer.example', 'of the sixth version too'],
    ['198.51.100.9', all, '198.51.100.9 http://inner:5000', 'and of no other'],
    ['192.0.2.8', all, '192.0.2.8 http://inner:5000', 'nor of its neighbour'],
    ['10.1.2.3', {}, '10.1.2.3 http://inner:5000', 'changes nothing without a word'],
    [
      '10.1.2.3',
      { 'x-forwarded-for': '1.2.3.4, 198.51.100.1, 10.9.9.9' },
      '198.51.100.1 http://inner:5000',
      'stops at the first that is not trusted',
    ],
    ['10.1.2.3', { 'x-forwarded-for': '10.9.9.9' }, '10.9.9.9 http://inner:5000', 'takes the farthest of trusted ones'],
    ['10.1.2.3', { 'x-forwarded-for': 'nonsense' }, '10.1.2.3 http://inner:5000', 'and addresses only'],
    ['10.1.2.3', { 'x-forwarded-proto': 'ftp' }, '10.1.2.3 http://inner:5000', 'and schemes only'],
  ]
  for (const [peer, headers, expected, rule] of rows) {
    test(`${rule}: ${peer}`, async () => assert.equal(await seen(peer, headers), expected))
  }

  for (const bad of ['10.0.0.0/33', '2001:db8::/129', '10.0.0', 'proxy.example', '10.0.0.0/']) {
    test(`refuses ${bad}`, () => {
      assert.throws(() => parseTrustedProxies([bad]), { code: 'CONFIG_INVALID', path: 'trustedProxies[0]' })
    })
  }
})
