import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { run } from '@gantry/process'
import { mountDoor } from '../doors/mount.ts'
import { asOwner } from './as-owner.ts'
import { mountNow, unmountNow } from './mount.ts'
import { makeNetworkNamespaceOf, makeUserNamespace, type IdRange } from './user-namespace.ts'

const options = { skip: process.getuid?.() === 0 ? false : 'needs root' }
const folder = mkdtempSync(join(tmpdir(), 'gantry-users-'))
after(() => rmSync(folder, { recursive: true }))
const uids: readonly IdRange[] = [{ inside: 0, outside: 300_000, size: 1000 }]
const root = { uid: 300_000, gid: 400_000 }
const gids: readonly IdRange[] = [{ inside: 0, outside: 400_000, size: 1000 }]

test(
  'a user namespace is kept at a path with its maps, and owns a network namespace made for it',
  options,
  async () => {
    const [users, net] = [join(folder, 'users'), join(folder, 'net')]
    await makeUserNamespace(users, { uids, gids })
    try {
      const inside = (...words: readonly string[]): ReturnType<typeof run> =>
        run('nsenter', [`--user=${users}`, ...words])
      assert.match((await inside('cat', '/proc/self/uid_map')).stdout, /^\s*0\s+300000\s+1000\n$/)
      assert.match((await inside('cat', '/proc/self/gid_map')).stdout, /^\s*0\s+400000\s+1000\n$/)
      await makeNetworkNamespaceOf(users, net)
      try {
        // Only who has power over the user namespace that owns it may.
        await inside(`--net=${net}`, 'ip', 'link', 'set', 'lo', 'up')
      } finally {
        unmountNow(net)
      }
      await assert.rejects(makeUserNamespace(users, { uids, gids }), { code: 'EEXIST' })
    } finally {
      unmountNow(users)
    }
  },
)

test('an impossible map leaves nothing', options, async () => {
  const path = join(folder, 'impossible')
  const overlapping = [...uids, ...uids]
  await assert.rejects(makeUserNamespace(path, { uids: overlapping, gids }))
  assert.equal(statSync(path, { throwIfNoEntry: false }), undefined)
})

test('a bind and an overlay show mapped owners, and files keep the ids of the inside', options, async () => {
  const users = join(folder, 'owners')
  await makeUserNamespace(users, { uids, gids })
  const layers = join(folder, 'layers')
  const bound = join(folder, 'bound')
  const whole = join(folder, 'whole', 'rootfs')
  const places = ['1', 'up', 'work'].map((name) => join(layers, name))
  const [view, open] = [join(folder, 'closed/view'), join(folder, 'open/view')]
  for (const path of [...places, bound, whole, view, open]) mkdirSync(path, { recursive: true })
  chmodSync(join(folder, 'closed'), 0o700)
  chmodSync(join(folder, 'open'), 0o710)
  writeFileSync(join(layers, '1', 'file'), 'below')
  chownSync(join(layers, '1', 'file'), 7, 8)
  const owner = (path: string): readonly number[] => [statSync(path).uid, statSync(path).gid]
  const mounted: string[] = []
  try {
    mountNow({ source: layers, target: bound, flags: ['bind'], owners: users })
    mounted.push(bound)
    assert.deepEqual(owner(join(bound, '1', 'file')), [300_007, 400_008])
    const data = 'lowerdir=1,upperdir=up,workdir=work'
    const overlay = {
      source: 'overlay',
      target: whole,
      type: 'overlay',
      data,
      directory: layers,
      owners: users,
      as: root,
    }
    // Whom the layers are mapped to could pass to them.
    for (const place of [{}, { view: open }]) assert.throws(() => mountNow({ ...overlay, ...place }), { code: 'EPERM' })
    mountNow({ ...overlay, view })
    assert.match(mountDoor.describe(overlay).sentence, /what it makes itself is made as 300000:400000/)
    mounted.push(whole)
    assert.deepEqual(owner(join(whole, 'file')), [300_007, 400_008])
    chownSync(join(whole, 'file'), 300_001, 400_002)
    assert.deepEqual(owner(join(layers, 'up', 'file')), [1, 2])
    assert.equal(readFileSync(join(layers, 'up', 'file'), 'utf8'), 'below')
    // Root of the host is nobody there, and makes files for those who are somebody.
    const made = join(whole, 'made')
    assert.throws(() => mkdirSync(made), { code: 'EOVERFLOW' })
    asOwner(root, () => {
      mkdirSync(made, 0o700)
      mkdirSync(join(made, 'below'))
      writeFileSync(join(made, 'file'), '')
      chownSync(join(made, 'file'), 300_005, 400_006)
      chmodSync(made, 0)
      rmSync(join(made, 'below'), { recursive: true })
    })
    assert.deepEqual(owner(join(layers, 'up', 'made')), [0, 0])
    assert.deepEqual(owner(join(layers, 'up', 'made', 'file')), [5, 6])
    const mine = join(folder, 'mine')
    writeFileSync(mine, '')
    assert.deepEqual(owner(mine), [0, 0])
    // The place from which it was mounted is gone.
    assert.equal(unmountNow(view), false)
    // Who is killed while mounting leaves it.
    mountNow({ source: layers, target: view, flags: ['bind'], owners: users })
    await mountDoor.undo({ ...overlay, view }, undefined, { prior: undefined })
    assert.equal(unmountNow(view), false)
    assert.equal(unmountNow(whole), false)
    mounted.pop()
  } finally {
    for (const path of [...mounted, users]) unmountNow(path)
  }
})
