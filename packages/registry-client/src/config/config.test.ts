import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { authorityMissing, privateAuthority } from '@gantry/testing/hub'
import { createRegistryClient, parseRegistriesConfig, readRegistries, RegistryError } from '../index.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-config-'))
after(() => rmSync(directory, { recursive: true, force: true }))

function write(name: string, content: unknown): string {
  const path = join(directory, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

describe('registries.json', () => {
  test('says which mirrors a registry has, and how hosts are reached', () => {
    const { hosts, mirrors } = parseRegistriesConfig(
      JSON.stringify({
        registries: {
          'docker.io': {
            mirrors: ['m1.example:5000', 'm2.example/hub/x', { host: 'm3.example', resolve: false, namespace: false }],
          },
          'm1.example:5000': { insecure: true },
          'self.example': { insecure: 'unverified' },
          'own.example': { ca: 'ca.pem', cert: 'me.pem', key: 'me.key' },
        },
        'registry-mirrors': ['http://d.example:80/', 'https://e.example'],
        'insecure-registries': ['10.0.0.1:5000'],
      }),
      'x.json',
    )
    assert.deepEqual(mirrors.get('docker.io'), [
      { host: 'm1.example:5000', resolve: true, namespace: true },
      { host: 'm2.example', prefix: 'hub/x', resolve: true, namespace: false },
      { host: 'm3.example', resolve: false, namespace: false },
      { host: 'd.example:80', resolve: true, namespace: true },
      { host: 'e.example', resolve: true, namespace: true },
    ])
    assert.deepEqual(hosts.get('m1.example:5000'), { insecure: 'http' })
    assert.deepEqual(hosts.get('self.example'), { insecure: 'unverified' })
    assert.deepEqual(hosts.get('own.example'), { ca: ['ca.pem'], cert: 'me.pem', key: 'me.key' })
    assert.deepEqual(hosts.get('d.example:80'), { insecure: 'http' })
    assert.deepEqual(hosts.get('10.0.0.1:5000'), { insecure: 'http' })
  })

  for (const [name, value, message] of [
    ['text that is no JSON', '{', /"x.json": it is not JSON/],
    ['a list', [], /"x.json": it is no object/],
    ['an unknown key', { mirrors: [] }, /it has an unknown key "mirrors"; there are registries, /],
    [
      'an unknown key below',
      { registries: { 'a.b': { mirror: [] } } },
      /registries\["a.b"\] has an unknown key "mirror"/,
    ],
    ['what is no host', { registries: { 'a/b': {} } }, /registries\["a\/b"\] is no host/],
    [
      'a mirror that is none',
      { registries: { a: { mirrors: ['https://m'] } } },
      /registries\["a"\].mirrors\[0\] is no host/,
    ],
    ['a certificate without a key', { registries: { a: { cert: 'x' } } }, /needs both cert and key/],
    ['a word that is none', { registries: { a: { insecure: 'yes' } } }, /registries\["a"\].insecure is neither/],
    ['truth that is none', { registries: { a: { mirrors: [{ host: 'm', resolve: 1 }] } } }, /neither true nor false/],
    ['a list that is none', { 'registry-mirrors': 'x' }, /registry-mirrors is no list/],
  ] as const) {
    test(`with ${name} is refused`, () => {
      const text = typeof value === 'string' ? value : JSON.stringify(value)
      assert.throws(
        () => parseRegistriesConfig(text, 'x.json'),
        (error) => error instanceof RegistryError && error.code === 'CONFIG_INVALID' && message.test(error.message),
      )
    })
  }

  test("of a user goes before the machine's, and files are looked for beside it", () => {
    const home = join(directory, 'home')
    write('home/.config/gantry/registries.json', { registries: { a: { ca: 'ca.pem' } } })
    assert.deepEqual(readRegistries({ HOME: home }).hosts.get('a'), { ca: [join(home, '.config/gantry/ca.pem')] })
    const named = write('named.json', { registries: { b: {} } })
    assert.deepEqual([...readRegistries({ HOME: home, GANTRY_REGISTRIES: named }).hosts.keys()], ['b'])
    assert.equal(readRegistries({ GANTRY_REGISTRIES: join(directory, 'not-there') }).hosts.size, 0)
  })
})

describe(
  'a registry with a private authority that asks for a certificate',
  { skip: authorityMissing() ?? false },
  () => {
    test('is reached with what the settings or the certs.d directories have for it', async () => {
      const authority = privateAuthority()
      const own = authority.certificateFor(['127.0.0.1', 'localhost'])
      const mine = authority.certificateFor(['client.example'])
      const server = createServer(
        { ...own, ca: [authority.ca], requestCert: true, rejectUnauthorized: false },
        ({ socket }, response) => response.writeHead((socket as TLSSocket).authorized ? 200 : 403).end('{}'),
      )
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const registry = `localhost:${(server.address() as AddressInfo).port}`
      const settings = { credentials: async () => undefined, insecure: () => false, retry: { attempts: 1 } }
      const codeOf = async (environment: Record<string, string>): Promise<string> =>
        createRegistryClient({ ...settings, environment })
          .check(registry)
          .then(
            () => 'ok',
            (error: unknown) =>
              error instanceof RegistryError ? `${error.code} ${error.status ?? ''}`.trim() : String(error),
          )
      try {
        assert.equal(await codeOf({ HOME: join(directory, 'empty') }), 'TLS')
        const [ca, cert, key] = [write('ca.pem', authority.ca), write('me.pem', mine.cert), write('me.key', mine.key)]
        assert.equal(await codeOf({ HOME: join(directory, 'empty'), SSL_CERT_FILE: ca }), 'DENIED 403')
        const named = (value: object): Record<string, string> => ({
          GANTRY_REGISTRIES: write(`${JSON.stringify(value).length}.json`, { registries: { [registry]: value } }),
        })
        assert.equal(await codeOf(named({ ca })), 'DENIED 403')
        assert.equal(await codeOf(named({ insecure: 'unverified' })), 'DENIED 403')
        assert.equal(await codeOf(named({ ca: ['ca.pem'], cert: 'me.pem', key })), 'ok')
        assert.equal(await codeOf(named({ ca: 'nowhere.pem' })), 'CONFIG_INVALID')
        assert.equal(cert, join(directory, 'me.pem'))

        const beside = `podman/.config/containers/certs.d/${registry}`
        write(`${beside}/a.crt`, authority.ca)
        write(`${beside}/b.cert`, mine.cert)
        assert.equal(await codeOf({ HOME: join(directory, 'podman') }), 'CONFIG_INVALID')
        write(`${beside}/b.key`, mine.key)
        assert.equal(await codeOf({ HOME: join(directory, 'podman') }), 'ok')
      } finally {
        server.closeAllConnections()
        server.close()
      }
    })
  },
)
