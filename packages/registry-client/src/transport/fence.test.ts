import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { describe, test } from 'node:test'
import { createRegistryClient, parseRegistriesConfig, RegistryError } from '../index.ts'
import { fencedLookup } from './fence.ts'
import { isPrivateAddress } from './private-address.ts'

const outside = '203.0.113.9:5000'
const digest = `sha256:${'a'.repeat(64)}`

test('addresses that only this machine or its network reaches are private, however they are written', () => {
  const within = [
    '127.0.0.1',
    '127.9.9.9',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
  ]
  const odd = ['0.0.0.0', '100.64.0.1', '[::1]', '::', '[fe80::1]', 'fd12::1', '[::ffff:10.0.0.1]', '::ffff:7f00:1']
  for (const host of [...within, ...odd, 'localhost', 'LOCALHOST.', 'a.localhost'])
    assert.equal(isPrivateAddress(host), true, host)
  const elsewhere = ['203.0.113.9', '172.32.0.1', '11.0.0.1', '100.128.0.1', '[2001:db8::1]', '::ffff:8.8.8.8']
  for (const host of [...elsewhere, 'localhost.example', 'registry.example', '10.example'])
    assert.equal(isPrivateAddress(host), false, host)
})

describe('a registry', () => {
  /** What is asked of hosts beside the registry, when it leads there. */
  async function led(
    answer: () => Response,
    { registry = outside, settings = {} }: { registry?: string; settings?: object } = {},
  ): Promise<{ readonly asked: readonly string[]; readonly error: unknown }> {
    const asked: string[] = []
    const client = createRegistryClient({
      insecure: () => true,
      registries: parseRegistriesConfig(JSON.stringify({ registries: { [registry]: settings } }), 'test'),
      credentials: async () => undefined,
      async fetch({ url }) {
        const { host } = new URL(url)
        if (host === registry) return answer()
        asked.push(host)
        return new Response('{"token":"t"}', { status: 200 })
      },
    })
    const error = await client
      .repository({ registry, repository: 'app' })
      .find(digest)
      .catch((reason: unknown) => reason)
    return { asked, error }
  }
  const redirect = (host: string) => (): Response =>
    new Response(null, { status: 307, headers: { location: `http://${host}/latest/meta-data` } })
  const challenge = (realm: string) => (): Response =>
    new Response(null, { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}",service="s"` } })

  for (const host of ['169.254.169.254', '127.0.0.1:2375', 'localhost:8080', '10.0.0.1', '[::1]:80', '[fd00::1]']) {
    test(`of the internet cannot redirect us to ${host}`, async () => {
      const { asked, error } = await led(redirect(host))
      assert.deepEqual(asked, [])
      assert.ok(error instanceof RegistryError && error.code === 'PROTOCOL')
      assert.match(
        error.message,
        /is an address of this machine or of a private network; if it may, set "private": true/,
      )
    })
    test(`of the internet cannot have its token service at ${host}`, async () => {
      for (const scheme of ['http', 'https']) {
        const { asked, error } = await led(challenge(`${scheme}://${host}/token`))
        assert.deepEqual(asked, [])
        assert.ok(error instanceof RegistryError && error.code === 'PROTOCOL')
      }
    })
  }

  test('may lead to others of the internet', async () => {
    assert.equal((await led(redirect('198.51.100.7'))).asked[0], '198.51.100.7')
    assert.ok((await led(challenge('https://auth.example/token'))).asked.includes('auth.example'))
  })

  test('that is inside itself, or of which the settings say so, may lead there', async () => {
    const at = '10.9.9.9'
    assert.equal((await led(redirect(at), { registry: '192.168.7.7:5000' })).asked[0], at)
    assert.equal((await led(redirect(at), { registry: 'localhost:5000' })).asked[0], at)
    assert.equal((await led(redirect(at), { settings: { private: true } })).asked[0], at)
  })
})

test('a name that stands for a private address is not connected to for a registry of the internet', async () => {
  const look = (ledBy: string, all: boolean): Promise<string | readonly LookupAddress[]> =>
    new Promise((resolve, reject) => {
      fencedLookup(new URL(ledBy))('localhost', { all }, (error, found) =>
        error === null ? resolve(found) : reject(error),
      )
    })
  for (const all of [true, false]) {
    await assert.rejects(look(`https://${outside}/`, all), { code: 'PRIVATE_ADDRESS' })
    assert.ok((await look('http://127.0.0.1:5000/', all)).length > 0)
  }
})
