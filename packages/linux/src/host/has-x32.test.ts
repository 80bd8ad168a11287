import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasX32, leavesX32Out } from './has-x32.ts'

for (const [config, without] of [
  ['CONFIG_X86_64=y\n# CONFIG_X86_X32_ABI is not set\n', true],
  ['CONFIG_X86_64=y\n# CONFIG_X86_X32 is not set\n', true],
  ['CONFIG_X86_X32_ABI=y\nCONFIG_X86_X32_DISABLED=y\n', false],
  ['CONFIG_X86_64=y\n', false],
  ['# CONFIG_X86_X32_DISABLED is not set\n', false],
] as const)
  test(`a kernel's configuration ${JSON.stringify(config)} is ${without ? '' : 'not '}known to be without x32`, () => {
    assert.equal(leavesX32Out(config), without)
  })

test('a kernel whose configuration cannot be read may have x32', () => {
  assert.equal(typeof hasX32('no-such-release'), 'boolean')
})
