import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  allCapabilities,
  capabilitiesOf,
  capabilityMask,
  defaultCapabilities,
  effectiveCapabilities,
} from './capabilities.ts'

describe('effectiveCapabilities', () => {
  test('is 00000000a80425fb by default', () => {
    assert.equal(capabilityMask(effectiveCapabilities()), '00000000a80425fb')
    assert.deepEqual(new Set(capabilitiesOf('00000000a80425fb')), new Set(defaultCapabilities))
  })

  const rows: readonly [string, Parameters<typeof effectiveCapabilities>[0], readonly string[]][] = [
    ['a drop of all leaves nothing', { drop: ['ALL'] }, []],
    ['what is added beside a drop of all is kept', { drop: ['all'], add: ['net_admin'] }, ['CAP_NET_ADMIN']],
    ['a name may have CAP_ in any case', { drop: ['ALL'], add: ['cap_Chown'] }, ['CAP_CHOWN']],
    ['all are all that there are', { add: ['ALL'] }, allCapabilities],
    [
      'a drop takes from all',
      { add: ['ALL'], drop: ['SYS_ADMIN'] },
      allCapabilities.filter((name) => name !== 'CAP_SYS_ADMIN'),
    ],
    ['privileged is all that the host has', { privileged: true, available: ['CAP_CHOWN'] }, ['CAP_CHOWN']],
    [
      'a drop of one leaves thirteen',
      { drop: ['NET_RAW'] },
      defaultCapabilities.filter((name) => name !== 'CAP_NET_RAW'),
    ],
  ]
  for (const [rule, changes, expected] of rows) {
    test(rule, () => {
      assert.deepEqual(effectiveCapabilities(changes), expected)
    })
  }

  test('refuses a name that is none', () => {
    assert.throws(() => effectiveCapabilities({ add: ['SYS_MAGIC'] }), { code: 'SPEC_INVALID' })
  })
})
