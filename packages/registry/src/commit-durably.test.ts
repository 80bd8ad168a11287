import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openState } from '@gantry/state'
import { commitDurably } from './commit-durably.ts'

test('what is committed durably is rolled back when it fails, and only then', async () => {
  using state = openState(':memory:', [{ name: 'x', steps: ['CREATE TABLE x_rows (n INTEGER PRIMARY KEY) STRICT'] }])
  const insert = (n: number): Promise<number> =>
    commitDurably(state, () => {
      state.prepare('INSERT INTO x_rows VALUES (?)').run(n)
      if (n === 2) throw new Error('two')
      return n
    })
  const results = await Promise.allSettled([insert(1), insert(2), insert(3), insert(1)])
  const statuses = results.map((each) => each.status)
  assert.deepEqual(statuses, ['fulfilled', 'rejected', 'fulfilled', 'rejected'])
  const rows = state.prepare('SELECT n FROM x_rows ORDER BY n').all()
  assert.deepEqual(
    rows.map((row) => row['n']),
    [1, 3],
  )
})
