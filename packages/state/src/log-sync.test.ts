import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { LogSync } from './log-sync.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-log-'))
after(() => rmSync(directory, { recursive: true, force: true }))

test('syncs that wait at the same time are one, and none of them began before', async () => {
  const path = join(directory, 'log')
  writeFileSync(path, 'x')
  const log = new LogSync(path)
  const [first, second, third] = [log.sync(), log.sync(), log.sync()]
  assert.notEqual(first, second)
  assert.equal(second, third)
  await first
  const fourth = log.sync()
  await Promise.all([second, third, fourth])
  assert.notEqual(log.sync(), fourth)
  log.close()
})

test('there is nothing to sync without a log, and what cannot be synced is told of', async () => {
  await new LogSync(join(directory, 'none')).sync()
  const log = new LogSync(join(directory, 'x'.repeat(300)))
  const both = [log.sync(), log.sync()]
  for (const each of await Promise.allSettled(both)) assert.equal(each.status, 'rejected')
  log.close()
})
