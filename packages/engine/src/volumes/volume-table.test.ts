import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openState } from '@gantry/state'
import { systemClock } from '../clock.ts'
import { engineMigrations } from '../migrations.ts'
import { VolumeTable } from './volume-table.ts'

const root = mkdtempSync(join(tmpdir(), 'gantry-volumes-'))
const state = openState(join(root, 'state.db'), [engineMigrations])
const volumes = new VolumeTable({ state, root, clock: systemClock })
test.after(() => {
  state[Symbol.dispose]()
  rmSync(root, { recursive: true, force: true })
})

const isEmpty = async (): Promise<void> => {
  while (readdirSync(join(root, 'volumes')).length > 0) await sleep(5)
}

test('a removed volume is out of reach at once, a new one of its name is empty, and the data goes', async () => {
  volumes.create({ name: 'data' })
  mkdirSync(join(volumes.path('data'), 'deep'))
  writeFileSync(join(volumes.path('data'), 'deep', 'file'), 'x')
  volumes.remove('data')
  assert.equal(existsSync(volumes.path('data')), false)
  assert.deepEqual(readdirSync(volumes.directoryOf('data')), [])
  volumes.remove('data')
  volumes.remove('never-was')
  await isEmpty()
})

test('users of the host do not reach what containers put into volumes', () => {
  volumes.create({ name: 'shut' })
  assert.equal(statSync(join(root, 'volumes')).mode & 0o777, 0o700)
  chmodSync(join(root, 'volumes'), 0o755)
  volumes.sweep()
  assert.equal(statSync(join(root, 'volumes')).mode & 0o777, 0o700)
  volumes.remove('shut')
})

test('what a process that ended had begun to remove is removed by the next', async () => {
  mkdirSync(join(root, 'volumes', '.removed-1', 'data'), { recursive: true })
  volumes.sweep()
  await isEmpty()
})
