import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { mountNow, unmountNow } from '@gantry/linux'
import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import { fillVolumes } from '../run/fill-volumes.ts'
import { copyUp, finishCopyUp } from './copy-up.ts'

const options = { skip: process.getuid?.() === 0 ? false : 'needs root' }
const here = mkdtempSync(join(tmpdir(), 'gantry-copy-up-'))
after(() => rmSync(here, { recursive: true }))

function world(name: string): { rootfs: string; source: string; place: string; volume: string } {
  const rootfs = join(here, name, 'rootfs')
  const source = join(rootfs, 'data')
  const place = join(here, name, 'volume')
  mkdirSync(join(source, 'deep'), { recursive: true })
  mkdirSync(place)
  writeFileSync(join(source, 'deep', 'file'), 'x')
  writeFileSync(join(source, 'other'), 'y')
  chownSync(join(source, 'other'), 5, 6)
  chownSync(source, 7, 8)
  chmodSync(source, 0o1770)
  return { rootfs, source, place, volume: join(place, '_data') }
}

test('a volume that could not be filled is empty, and is filled by the next', options, async () => {
  const { rootfs, source, place, volume } = world('full')
  writeFileSync(join(source, 'zz'), Buffer.alloc(1 << 20))
  mountNow({ source: 'tmpfs', target: place, type: 'tmpfs', data: 'size=64k' })
  try {
    mkdirSync(volume)
    await assert.rejects(copyUp({ rootfs, path: '/data', volume }), { code: 'ENOSPC' })
    assert.deepEqual([readdirSync(volume), readdirSync(place)], [[], ['_data']])
    rmSync(join(source, 'zz'))
    // Those who come at once wait for one another.
    await Promise.all([copyUp({ rootfs, path: '/data', volume }), copyUp({ rootfs, path: '/data', volume })])
    assert.deepEqual([readdirSync(volume).toSorted(), readdirSync(place)], [['deep', 'other'], ['_data']])
    const { uid, gid, mode } = statSync(volume)
    assert.deepEqual([uid, gid, mode & 0o7777], [7, 8, 0o1770])
    assert.equal(statSync(join(volume, 'other')).uid, 5)
    assert.equal(readFileSync(join(volume, 'deep', 'file'), 'utf8'), 'x')
  } finally {
    unmountNow(place)
  }
})

test('who is killed while filling leaves nothing, and while moving what the next moves on', options, async () => {
  const { rootfs, place, volume } = world('killed')
  mkdirSync(volume)
  mkdirSync(join(place, '_half'))
  writeFileSync(join(place, '_half', 'part'), '')
  await copyUp({ rootfs, path: '/data', volume })
  assert.deepEqual([readdirSync(volume).toSorted(), readdirSync(place)], [['deep', 'other'], ['_data']])
  mkdirSync(join(place, '_gathered'))
  writeFileSync(join(place, '_gathered', 'last'), '')
  writeFileSync(join(place, '_gathered', 'other'), 'replaced')
  mkdirSync(join(place, '_half'))
  await finishCopyUp(volume)
  assert.deepEqual([readdirSync(volume).toSorted(), readdirSync(place)], [['deep', 'last', 'other'], ['_data']])
  assert.equal(readFileSync(join(volume, 'other'), 'utf8'), 'y')
})

test(
  'a container whose first start failed fills its volumes at the next, and not after it has run',
  options,
  async () => {
    const { rootfs, volume } = world('again')
    mkdirSync(volume)
    const context = { volumes: { directoryOf: () => volume } } as unknown as Context
    const record = (startedAt?: number): ContainerRecord =>
      ({
        id: 'c',
        progress: { run: 2, ...(startedAt === undefined ? {} : { startedAt }) },
        spec: {
          mounts: [{ type: 'volume', name: 'v', target: '/data', readonly: false, copyUp: true, anonymous: false }],
        },
      }) as unknown as ContainerRecord
    await fillVolumes(context, record(1), rootfs)
    assert.deepEqual(readdirSync(volume), [])
    await fillVolumes(context, record(), rootfs)
    assert.deepEqual(readdirSync(volume).toSorted(), ['deep', 'other'])
  },
)
