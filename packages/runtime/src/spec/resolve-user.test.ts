import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { resolveUser } from './resolve-user.ts'

let rootfs = ''

before(() => {
  rootfs = mkdtempSync(join(tmpdir(), 'gantry-user-'))
  mkdirSync(join(rootfs, 'etc'))
  writeFileSync(
    join(rootfs, 'etc/passwd'),
    'root:x:0:0::/root:/bin/sh\nweb:x:1000:1001::/home/web:\nbad:x:y:1::/:\n# no\n',
  )
  writeFileSync(join(rootfs, 'etc/group'), 'root:x:0:\nweb:x:1001:\nstaff:x:50:web,other\nwheel:x:10:root\n')
})

after(() => {
  rmSync(rootfs, { recursive: true })
})

describe('resolveUser', () => {
  const rows: readonly [string, string, number, number, readonly number[], string][] = [
    ['nothing is root with its groups', '', 0, 0, [0, 10], '/root'],
    ['a name has its group and supplementary groups', 'web', 1000, 1001, [1001, 50], '/home/web'],
    ['a number is looked up too', '1000', 1000, 1001, [1001, 50], '/home/web'],
    ['a number without an entry is itself, in group 0', '4242', 4242, 0, [0], '/'],
    ['a group that is given is the only one', 'web:staff', 1000, 50, [50], '/home/web'],
    ['numbers for both need no files', '7:8', 7, 8, [8], '/'],
  ]
  for (const [rule, text, uid, gid, groups, home] of rows) {
    test(rule, () => {
      const user = resolveUser(rootfs, text)
      assert.deepEqual([user.uid, user.gid, user.additionalGids, user.home], [uid, gid, groups, home])
    })
  }

  for (const text of ['nobody', 'web:nogroup', 'bad', '99999999999']) {
    test(`refuses "${text}"`, () => {
      assert.throws(() => resolveUser(rootfs, text), { code: 'USER_UNKNOWN' })
    })
  }

  test('adds groups that are asked for', () => {
    assert.deepEqual(resolveUser(rootfs, 'web', ['wheel', '77']).additionalGids, [1001, 50, 10, 77])
  })

  test('never reads a file outside of the root', () => {
    const trap = mkdtempSync(join(tmpdir(), 'gantry-user-'))
    mkdirSync(join(trap, 'real'))
    mkdirSync(join(trap, 'etc'))
    symlinkSync('/etc/passwd', join(trap, 'etc/passwd'))
    assert.throws(() => resolveUser(trap, 'root'), { code: 'USER_UNKNOWN' })
    rmSync(join(trap, 'etc'), { recursive: true })
    symlinkSync('/../../../etc', join(trap, 'etc'))
    assert.throws(() => resolveUser(trap, 'root'), { code: 'USER_UNKNOWN' })
    rmSync(join(trap, 'etc'))
    symlinkSync('/real', join(trap, 'etc'))
    writeFileSync(join(trap, 'real/passwd'), 'inside:x:5:6::/:\n')
    assert.equal(resolveUser(trap, 'inside').uid, 5)
    rmSync(trap, { recursive: true })
  })
})
