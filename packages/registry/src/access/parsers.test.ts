import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseAccessConfig } from './access-config.ts'
import { parseCredentials } from './credentials.ts'
import { formatScopes, parseScopes } from './scope.ts'

describe('parseScopes', () => {
  const rows: readonly (readonly [asked: readonly string[], read: string])[] = [
    [['repository:library/alpine:pull'], 'repository:library/alpine:pull'],
    [['repository:a:push,pull'], 'repository:a:pull,push'],
    [['repository:a:*'], 'repository:a:pull,push,delete'],
    [['repository:a:pull repository:b:push', 'repository:a:delete'], 'repository:a:pull,delete repository:b:push'],
    [['registry:catalog:*'], 'registry:catalog:*'],
    [['repository(plugin):a:pull'], 'repository:a:pull'],
    [['repository:a:fly'], 'repository:a:'],
    [['registry:other:*', 'registry:catalog:pull', 'plugin:a:pull'], ''],
    [['repository:A:pull', 'repository:a/../b:pull', 'repository:a', 'repository::pull', ''], ''],
    [['repository:host:5000/a:pull'], ''],
  ]
  for (const [asked, read] of rows) {
    test(`${JSON.stringify(asked)} is ${JSON.stringify(read)}`, () => {
      assert.equal(formatScopes(parseScopes(asked) ?? []), read)
    })
  }

  test('refuses too many and too long ones', () => {
    assert.equal(parseScopes(Array.from({ length: 101 }, () => 'repository:a:pull')), undefined)
    assert.equal(parseScopes(['x'.repeat(32 * 1024 + 1)]), undefined)
    assert.equal(parseScopes([`${' '.repeat(200)}repository:a:pull`])?.length, 1)
  })
})

describe('parseCredentials', () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
  const rows: readonly (readonly [header: string | undefined, read: unknown])[] = [
    [undefined, { kind: 'none' }],
    ['', { kind: 'none' }],
    [basic('a:b:c'), { kind: 'basic', user: 'a', password: 'b:c' }],
    [basic('a:b').replace('Basic', 'bAsIc'), { kind: 'basic', user: 'a', password: 'b' }],
    [basic('ü:ß'), { kind: 'basic', user: 'ü', password: 'ß' }],
    [basic(':'), { kind: 'none' }],
    [basic('a:'), { kind: 'basic', user: 'a', password: '' }],
    [basic('ab'), { kind: 'malformed' }],
    ['Bearer abc', { kind: 'bearer', token: 'abc' }],
    ['Bearer', { kind: 'malformed' }],
    ['Bearer a b', { kind: 'malformed' }],
    ['Basic a, Bearer b', { kind: 'malformed' }],
    ['Negotiate abc', { kind: 'malformed' }],
  ]
  for (const [header, read] of rows) {
    test(String(header), () => assert.deepEqual(parseCredentials(header), read))
  }
})

describe('parseAccessConfig', () => {
  test('reads what it knows', () => {
    const config = parseAccessConfig({
      htpasswd: '/etc/gantry/htpasswd',
      rules: [{ who: ['group:devs', 'anonymous'], repositories: ['{user}/**', 'a'], actions: ['push', 'pull'] }],
      groups: { devs: ['alice'] },
      token: { lifetime: '10m', refreshLifetime: '30d', service: 'registry.example:5000', realm: 'https://auth/token' },
      throttle: { failures: 5, within: '10m' },
      challenge: 'basic',
      keys: true,
    })
    assert.deepEqual(config.rules?.[0]?.actions, ['pull', 'push'])
    assert.equal(config.token?.lifetime, 600_000)
  })

  const rule = { who: ['users'], repositories: ['**'], actions: ['pull'] }
  const bad: readonly (readonly [value: unknown, path: string])[] = [
    [[], 'access'],
    [{ htpaswd: 'x' }, 'access.htpaswd'],
    [{ rules: [{ ...rule, who: [] }] }, 'access.rules[0].who'],
    [{ rules: [{ ...rule, who: ['alice'] }] }, 'access.rules[0].who[0]'],
    [{ rules: [{ ...rule, who: ['group:none'] }] }, 'access.rules[0].who'],
    [{ rules: [{ ...rule, repositories: ['{usr}/**'] }] }, 'access.rules[0].repositories[0]'],
    [{ rules: [{ ...rule, actions: ['write'] }] }, 'access.rules[0].actions[0]'],
    [{ rules: [{ ...rule, actions: [] }] }, 'access.rules[0].actions'],
    [{ rules: [{ ...rule, deny: true }] }, 'access.rules[0].deny'],
    [{ token: { lifetime: '59s' } }, 'access.token.lifetime'],
    [{ token: { service: 'a"b' } }, 'access.token.service'],
    [{ throttle: { failures: 0, within: '1m' } }, 'access.throttle.failures'],
  ]
  for (const [value, path] of bad) {
    test(`refuses ${JSON.stringify(value)} at ${path}`, () => {
      assert.throws(() => parseAccessConfig(value), { code: 'CONFIG_INVALID', path })
    })
  }
})
