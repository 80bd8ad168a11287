import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { defaultLogOf } from './default-log.ts'
import { readSettings, writeSettings } from './settings.ts'

const site = { root: mkdtempSync(join(tmpdir(), 'gantry-settings-')) }
test.after(() => rmSync(site.root, { recursive: true }))

test('settings are none until they are written, and are read again', () => {
  assert.deepEqual(readSettings(site), {})
  writeSettings(site, { diskBudget: 20e9 })
  assert.deepEqual(readSettings(site), { diskBudget: 20e9 })
  const settings = { logDriver: 'json-file', logOpts: { 'max-size': '1m' } }
  writeSettings(site, settings)
  assert.deepEqual(readSettings(site), settings)
  assert.deepEqual(defaultLogOf(readSettings(site)), { driver: 'json-file', options: { 'max-size': '1m' } })
})

test('a default log is local, and one that no container could have is refused', () => {
  assert.deepEqual(defaultLogOf({}), { driver: 'local', options: {} })
  for (const settings of [
    { logDriver: 'syslog' },
    { logOpts: { 'max-sice': '1m' } },
    { logDriver: 'none', logOpts: { tag: 'x' } },
  ]) {
    assert.throws(() => defaultLogOf(settings), { code: 'SETTINGS_INVALID' })
  }
})

for (const text of [
  '',
  '[]',
  'null',
  '{"diskBudget":"20GB"}',
  '{"diskBudget":-1}',
  '{"diskbudget":1}',
  '{"logDriver":1}',
  '{"logOpts":{"max-file":3}}',
]) {
  test(`settings like ${text === '' ? 'an empty file' : text} are refused`, () => {
    writeFileSync(join(site.root, 'settings.json'), text)
    assert.throws(() => readSettings(site), { code: 'SETTINGS_INVALID' })
  })
}
