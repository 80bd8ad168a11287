import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineError } from '../../engine-error.ts'
import { autoUsers, defaultPool, type IdMaps } from './auto-users.ts'
import { insideOf, outsideOf } from './container-users.ts'
import { idLimit } from './id-ranges.ts'
import { parseUsers, type UsersRequest } from './parse-users.ts'
import { parseSubordinateIds, type SubordinateIds } from './subordinate-ids.ts'

const lines = parseSubordinateIds('# who\nann:100000:65536\n7:900000:10\nbroken\nempty:5:0\n')
const subordinate: SubordinateIds = { uids: lines, gids: lines, nameOf: (uid) => (uid === 1000 ? 'ann' : undefined) }
const range = (inside: number, outside: number, size: number): object => ({ inside, outside, size })
const caller = { uid: 1000, gid: 1001 }

test('lines of /etc/subuid that say nothing are left out', () => {
  assert.deepEqual(lines, [
    { name: 'ann', start: 100_000, size: 65_536 },
    { name: '7', start: 900_000, size: 10 },
  ])
})

const plans: readonly (readonly [what: string, request: UsersRequest, plan: object | undefined])[] = [
  ['nothing', { mode: '' }, undefined],
  ["Docker's host", { mode: 'host' }, undefined],
  [
    'a map, for groups too',
    { mode: '', uidMap: ['0:100000:10,10:5'] },
    {
      kind: 'maps',
      maps: { uids: [range(0, 100_000, 10), range(10, 5, 1)], gids: [range(0, 100_000, 10), range(10, 5, 1)] },
    },
  ],
  [
    'maps for both',
    { mode: 'private', uidMap: ['0:1:2'], gidMap: ['0:@3:4'] },
    { kind: 'maps', maps: { uids: [range(0, 1, 2)], gids: [range(0, 3, 4)] } },
  ],
  [
    "somebody's lines",
    { mode: '', subuidName: 'ann' },
    { kind: 'maps', maps: { uids: [range(0, 100_000, 65_536)], gids: [range(0, 100_000, 65_536)] } },
  ],
  ['auto', { mode: 'auto' }, { kind: 'auto', request: { size: 65_536, uids: [], gids: [] } }],
  [
    'auto with options',
    { mode: 'auto:size=2000,uidmapping=0:5:1,gidmapping=1:6:2' },
    { kind: 'auto', request: { size: 2000, uids: [range(0, 5, 1)], gids: [range(1, 6, 2)] } },
  ],
  [
    'auto, as inspect shows it',
    { mode: 'auto:size=10,uidmapping=4:9:1', uidMap: ['4:9:1', '0:70:4', '5:74:5'], gidMap: ['0:70:10'] },
    { kind: 'auto', request: { size: 10, uids: [range(4, 9, 1)], gids: [] } },
  ],
  [
    'keep-id of root, as inspect shows it',
    { mode: 'keep-id', uidMap: [`0:0:${idLimit}`], gidMap: [`0:0:${idLimit}`] },
    { kind: 'maps', maps: { uids: [range(0, 0, idLimit)], gids: [range(0, 0, idLimit)] }, user: { uid: 0, gid: 0 } },
  ],
  [
    'keep-id',
    { mode: 'keep-id:uid=3', caller },
    {
      kind: 'maps',
      maps: {
        uids: [range(3, 1000, 1), range(0, 100_000, 3), range(4, 100_003, 65_533)],
        gids: [range(1001, 1001, 1), range(0, 100_000, 1001), range(1002, 101_001, 64_535)],
      },
      user: { uid: 3, gid: 1001 },
    },
  ],
  [
    'keep-id of root',
    { mode: 'keep-id' },
    { kind: 'maps', maps: { uids: [range(0, 0, idLimit)], gids: [range(0, 0, idLimit)] }, user: { uid: 0, gid: 0 } },
  ],
]

test('user namespaces are asked for as with Podman', () => {
  for (const [what, request, plan] of plans) assert.deepEqual(parseUsers(request, subordinate), plan, what)
})

const refused: readonly (readonly [request: UsersRequest, why: RegExp])[] = [
  [{ mode: 'nomap' }, /ordinary users/],
  [{ mode: 'ns:/x' }, /joining/],
  [{ mode: 'other' }, /invalid mode "other"/],
  [{ mode: 'private' }, /needs a map/],
  [{ mode: 'host:x' }, /takes no options/],
  [{ mode: 'auto', uidMap: ['0:1:2'] }, /conflicts with a map/],
  [{ mode: 'auto:size=2', uidMap: ['0:1:3'] }, /conflicts with a map/],
  [{ mode: 'auto:size=2,uidmapping=0:9:1', uidMap: ['0:1:2'] }, /conflicts with a map/],
  [{ mode: 'keep-id', uidMap: ['0:0:5'] }, /conflicts with a map/],
  [{ mode: '', uidMap: ['0:1:2'], subuidName: 'ann' }, /conflict/],
  [{ mode: '', uidMap: ['1:1:2'] }, /no user 0/],
  [{ mode: '', uidMap: ['0:1:2'], gidMap: ['1:1:1'] }, /no group 0/],
  [{ mode: '', uidMap: ['0:1:2', '1:9:1'] }, /id 1 of the container is mapped twice/],
  [{ mode: '', uidMap: ['0:1:2', '5:2:1'] }, /id 2 of the host is mapped twice/],
  [{ mode: '', uidMap: ['0:'] }, /not of the form/],
  [{ mode: '', uidMap: ['0:1:0'] }, /leaves the ids/],
  [{ mode: '', uidMap: ['0:1:4294967295'] }, /leaves the ids/],
  [{ mode: '', uidMap: ['+0:1:5'] }, /extends the map of an ordinary user/],
  [{ mode: '', subuidName: 'bob' }, /no line in \/etc\/subuid/],
  [{ mode: 'auto:size=0' }, /at least one/],
  [{ mode: 'auto:sise=3' }, /no option of it/],
  [{ mode: 'auto:size=a' }, /not a number/],
  [{ mode: 'keep-id:x=1', caller }, /no option of it/],
  [{ mode: 'keep-id', caller: { uid: 5, gid: 5 } }, /no subordinate ids/],
]

test('what cannot be mapped is refused with the reason', () => {
  for (const [request, why] of refused)
    assert.throws(
      () => parseUsers(request, subordinate),
      (error) => error instanceof EngineError && error.code === 'SPEC_INVALID' && why.test(error.message),
      JSON.stringify(request),
    )
})

test('auto takes ids that nobody has, and those of one that went', () => {
  const request = { size: 10, uids: [], gids: [] }
  const pool = parseSubordinateIds('containers:1000:35\n')
  const taking = { subordinate: { uids: pool, gids: pool } }
  const starts: number[] = []
  const others: { uids: { inside: number; outside: number; size: number }[]; gids: [] }[] = []
  for (let count = 0; count < 3; count++) {
    const { uids } = autoUsers({ ...request }, { ...taking, others: others.map(({ uids }) => ({ uids, gids: uids })) })
    starts.push(uids[0]?.outside ?? 0)
    others.push({ uids: [...uids], gids: [] })
  }
  assert.deepEqual(starts, [1000, 1010, 1020])
  const all = others.map(({ uids }) => ({ uids, gids: uids }))
  assert.throws(() => autoUsers(request, { ...taking, others: all }), /has not so many left/)
  const without = all.filter((_, index) => index !== 1)
  assert.equal(autoUsers(request, { ...taking, others: without }).uids[0]?.outside, 1010)
})

test('auto lays its ids around maps that are asked for, and beside those of users', () => {
  const uids = parseSubordinateIds(`ann:${String(defaultPool.start)}:100\n`)
  const request = { size: 10, uids: [{ inside: 4, outside: 1000, size: 1 }], gids: [] }
  assert.deepEqual(autoUsers(request, { subordinate: { uids, gids: [] }, others: [] }), {
    uids: [range(4, 1000, 1), range(0, defaultPool.start + 100, 4), range(5, defaultPool.start + 104, 5)],
    gids: [range(0, defaultPool.start, 10)],
  })
})

test('auto takes nothing that overlaps, however large; who keeps all ids of the host takes none from it', () => {
  const pool = parseSubordinateIds('containers:1000:10\n')
  const taking = { subordinate: { uids: pool, gids: pool } }
  const request = { size: 10, uids: [], gids: [] }
  const maps = (outside: number, size: number): object => ({
    uids: [range(0, outside, size)],
    gids: [range(0, outside, size)],
  })
  const first = autoUsers(request, { ...taking, others: [maps(0, idLimit) as IdMaps] })
  assert.deepEqual(first, maps(1000, 10))
  for (const others of [[first], [maps(500, 5000) as IdMaps]])
    assert.throws(() => autoUsers(request, { ...taking, others }), /has not so many left/)
})

test('auto begins to look where its seed says, and goes round', () => {
  const pool = parseSubordinateIds('containers:1000:196608\n')
  const taking = { subordinate: { uids: pool, gids: pool }, seed: 0.7 }
  const request = { size: 65_536, uids: [], gids: [] }
  const given: IdMaps[] = []
  for (let count = 0; count < 3; count++) given.push(autoUsers(request, { ...taking, others: given }))
  assert.deepEqual(
    given.map(({ uids }) => uids[0]?.outside),
    [132_072, 1000, 66_536],
  )
})

test('owners go across a map and back', () => {
  const maps = { uids: [{ inside: 0, outside: 500, size: 10 }], gids: [{ inside: 0, outside: 700, size: 10 }] }
  assert.deepEqual(outsideOf(maps, { uid: 3, gid: 4 }), { uid: 503, gid: 704 })
  for (const owner of [
    { uid: 10, gid: 0 },
    { uid: 0, gid: 70_000 },
  ])
    assert.throws(
      () => outsideOf(maps, owner),
      (error) =>
        error instanceof EngineError && /has no such (user|group)/.test(error.message) && error.hint !== undefined,
    )
  assert.deepEqual(insideOf(maps, { uid: 503, gid: 704 }), { uid: 3, gid: 4 })
  assert.deepEqual(insideOf(maps, { uid: 0, gid: 3 }), { uid: 65_534, gid: 65_534 })
  assert.deepEqual(insideOf(undefined, { uid: 1, gid: 2 }), { uid: 1, gid: 2 })
})
