import assert from 'node:assert/strict'
import { test } from 'node:test'
import { privilegesOf } from './read-privileges.ts'

const whole = '         0          0 4294967295\n'
const docker = 'CapEff:\t00000000a80425fb\n'
const all = 'CapEff:\t000001ffffffffff\n'

test('root of the machine may do everything, with the ids of the machine', () => {
  assert.deepEqual(privilegesOf({ status: all, maps: [whole, whole], isFirst: true }), {
    mounts: true,
    machine: true,
    owners: true,
    single: false,
    idMap: '',
  })
})

test('an ordinary user may nothing, and root of a container only give files away', () => {
  const none = privilegesOf({ status: 'CapEff:\t0000000000000000\n', maps: [whole, whole], isFirst: true })
  assert.deepEqual([none.mounts, none.owners, none.single], [false, false, false])
  const root = privilegesOf({ status: docker, maps: [whole, whole], isFirst: true })
  assert.deepEqual([root.mounts, root.machine, root.owners], [false, false, true])
})

test('a user namespace is not the machine, be all ids in it', () => {
  const same = privilegesOf({ status: all, maps: [whole, whole], isFirst: false })
  assert.deepEqual([same.mounts, same.machine, same.owners, same.idMap], [true, false, true, ''])
  const some = privilegesOf({
    status: all,
    maps: ['0 1000 1\n1 100000 65536\n', '0 1000 1\n1 100000 65536\n'],
    isFirst: false,
  })
  assert.deepEqual(
    [some.owners, some.single, some.idMap],
    [true, false, '0 1000 1,1 100000 65536;0 1000 1,1 100000 65536'],
  )
})

test('with one user, or with one group, files have one owner', () => {
  const maps = ['0 1000 1\n1 100000 65536\n', '0 1000 1\n']
  const one = privilegesOf({ status: all, maps, isFirst: false })
  assert.deepEqual([one.mounts, one.owners, one.single], [true, false, true])
})
