import assert from 'node:assert/strict'
import { existsSync, realpathSync } from 'node:fs'
import { test } from 'node:test'
import { timeZoneMount } from './time-zone.ts'

const utc = '/usr/share/zoneinfo/UTC'

test(
  'a time zone is a mount of its file',
  { skip: existsSync(utc) ? false : 'needs the time zones of the host' },
  () => {
    assert.deepEqual(timeZoneMount('UTC'), {
      Type: 'bind',
      Source: realpathSync(utc),
      Target: '/etc/localtime',
      ReadOnly: true,
    })
  },
)

for (const zone of ['', '../../../etc/shadow', '/etc/shadow', 'No/Where']) {
  test(`"${zone}" is no time zone`, () => {
    assert.throws(() => timeZoneMount(zone), { code: 'INVALID' })
  })
}
