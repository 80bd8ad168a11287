import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openState } from '@gantry/state'
import { commitTogether } from './commit-together.ts'

test('what is committed together is rolled back alone', async () => {
  using state = openState(':memory:', [{ name: 'x', steps: ['CREATE TABLE x_rows (n INTEGER PRIMARY KEY) STRICT'] }])
  const insert = (n: number): Promise<number> =>
    commitTogether(state, () => {
      state.prepare('INSERT INTO x_rows VALUES (?)').run(n)
      if (n === 2) throw new Error('two')
      return n
    })
  const results = await Promise.allSettled([insert(1), insert(2), insert(3), insert(1)])
  assert.deepEqual(
    results.map((each) => each.status),
    ['fulfilled', 'rejected', 'fulfilled', 'rejected'],
  )
  assert.equal(results[1]?.status === 'rejected' && (results[1].reason as Error).message, 'two')
  assert.deepEqual(
    state
      .prepare('SELECT n FROM x_rows ORDER BY n')
      .all()
      .map((row) => row['n']),
    [1, 3],
  )
  assert.equal(await insert(4), 4)
})

test('a commit that fails fails for all', async () => {
  using state = openState(':memory:', [{ name: 'x', steps: ['CREATE TABLE x_rows (n INTEGER) STRICT'] }])
  const both = [commitTogether(state, () => 1), commitTogether(state, () => 2)]
  state[Symbol.dispose]()
  for (const each of await Promise.allSettled(both)) assert.equal(each.status, 'rejected')
})
