import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { parseServerConfig } from './server-config.ts'

const page = readFileSync(new URL('../../../../docs/registry.md', import.meta.url), 'utf8')

describe('the configuration of a registry server', () => {
  test('the one of the documentation is one, and names every field there is', () => {
    const [, text = ''] = /```json\n([^`]*)```/.exec(page) ?? []
    const document = JSON.parse(text) as Record<string, unknown>
    const config = parseServerConfig(document)
    assert.deepEqual(config.address, { host: '0.0.0.0', port: 5000 })
    assert.equal(config.gc.every, 6 * 3_600_000)
    assert.equal(config.webhooks?.endpoints[0]?.name, 'ci')
    assert.equal(config.proxy?.upstreams.length, 2)
    assert.equal(config.leastFree, 1024 ** 3)
    assert.throws(
      () => parseServerConfig({ ...document, unknown: 1 }),
      (error: Error) => {
        const allowed = /allowed here: (.*)$/.exec(error.message)?.[1]?.split(', ') ?? []
        assert.deepEqual(allowed.toSorted(), Object.keys(document).toSorted())
        return true
      },
    )
  })

  test('an empty one is open on loopback', () => {
    const config = parseServerConfig({})
    assert.deepEqual(config.address, { host: '127.0.0.1', port: 5000 })
    assert.equal(config.metrics, undefined)
    assert.equal(config.gc.enabled, true)
  })

  const bad: readonly (readonly [value: unknown, says: RegExp])[] = [
    [[], /it is a list; it must be an object/],
    [{ acess: {} }, /acess is not known; allowed here: address, tls,/],
    [{ address: 'here' }, /address is "here"; it must be HOST:PORT/],
    [{ address: '127.0.0.1:99999' }, /it must be HOST:PORT/],
    [{ tls: { cert: '/c' } }, /tls\.key is missing/],
    [{ metrics: {} }, /metrics needs an address of its own, a token or tokenFile, or "anyone": true/],
    [{ metrics: { tokenFile: '/nonexistent' } }, /metrics\.tokenFile names a file that cannot be read/],
    [{ gc: { every: 'often' } }, /gc\.every is "often"; it must be a duration/],
    [{ webhooks: { endpoints: [{}] } }, /webhooks\.endpoints\[0\]\.name is missing/],
    [{ limits: { rates: [{ per: 'x' }] } }, /limits\.rates\[0\]/],
    [{ access: { rules: [{ who: ['x'] }] } }, /access\.rules\[0\]/],
    [{ retention: { rules: [{}] } }, /retention\.rules\[0\]\.repositories is missing/],
    [{ trustedProxies: ['x'] }, /trustedProxies\[0\]/],
    [{ log: { level: 'loud' } }, /log\.level is "loud"; it must be one of "debug"/],
  ]
  for (const [value, says] of bad) {
    test(`${JSON.stringify(value)} is refused`, () => {
      assert.throws(() => parseServerConfig(value), { code: 'CONFIG_INVALID', message: says })
    })
  }
})
