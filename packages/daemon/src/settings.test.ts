import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readSettings, writeSettings } from './settings.ts'

const site = { root: mkdtempSync(join(tmpdir(), 'gantry-settings-')) }
test.after(() => rmSync(site.root, { recursive: true }))

test('settings are none until they are written, and are read again', () => {
  assert.deepEqual(readSettings(site), {})
  writeSettings(site, { diskBudget: 20e9 })
  assert.deepEqual(readSettings(site), { diskBudget: 20e9 })
})

for (const text of ['', '[]', 'null', '{"diskBudget":"20GB"}', '{"diskBudget":-1}', '{"diskbudget":1}']) {
  test(`settings like ${text === '' ? 'an empty file' : text} are refused`, () => {
    writeFileSync(join(site.root, 'settings.json'), text)
    assert.throws(() => readSettings(site), { code: 'SETTINGS_INVALID' })
  })
}
