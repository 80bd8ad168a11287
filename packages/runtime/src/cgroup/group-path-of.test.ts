import assert from 'node:assert/strict'
import { test } from 'node:test'
import { groupPathOf } from './group-path-of.ts'

for (const [text, expected] of [
  ['/gantry/x', '/gantry/x'],
  ['gantry/x', '/gantry/x'],
  ['system.slice:gantry:x', '/system.slice/gantry-x.scope'],
  [':gantry:x', '/system.slice/gantry-x.scope'],
  ['a-b.slice:p:x', '/a.slice/a-b.slice/p-x.scope'],
] as const) {
  test(`groupPathOf finds ${text}`, () => {
    assert.equal(groupPathOf(text), expected)
  })
}
