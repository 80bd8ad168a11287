import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostRules } from './host-rules.ts'

test('rules of hosts', async (t) => {
  const rows: readonly (readonly [
    rules: string[] | undefined,
    host: string,
    port: number | undefined,
    allowed: boolean,
  ])[] = [
    [undefined, 'anything.example', 443, true],
    [[], 'anything.example', 443, false],
    [['example.org'], 'example.org', 443, true],
    [['Example.ORG'], 'example.org', 443, true],
    [['example.org'], 'www.example.org', 443, false],
    [['example.org'], 'notexample.org', 443, false],
    [['*.example.org'], 'www.example.org', 443, true],
    [['*.example.org'], 'a.b.example.org', 443, true],
    [['*.example.org'], 'example.org', 443, false],
    [['*.example.org'], 'notexample.org', 443, false],
    [['example.org:443'], 'example.org', 80, false],
    [['example.org:443'], 'example.org', 443, true],
    [['example.org:443'], 'example.org', undefined, true],
    [['10.0.0.0/8'], '10.200.3.4', 80, true],
    [['10.0.0.0/8'], '11.0.0.1', 80, false],
    [['10.0.0.0/8'], '10.evil.example', 80, false],
    [['0.0.0.0/0'], '203.0.113.9', 80, true],
    [['203.0.113.9:22'], '203.0.113.9', 22, true],
  ]
  for (const [rules, host, port, allowed] of rows) {
    await t.test(`${JSON.stringify(rules)} ${host}:${String(port)}`, () => {
      assert.equal(hostRules(rules === undefined ? {} : { allow: rules }).allows(host, port), allowed)
    })
  }
  for (const bad of [
    '',
    '*',
    '*.',
    'https://example.org',
    'example.org:0',
    'example.org:70000',
    '10.0.0.0/33',
    '10.0.0',
    'a b',
  ]) {
    await t.test(`"${bad}" is refused`, () => {
      assert.throws(() => hostRules({ allow: [bad] }), { code: 'OPTIONS_INVALID' })
    })
  }
})
