import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ledgerMigrations } from '@gantry/linux'
import { openState, type State } from '@gantry/state'
import { networkMigrations } from './network-migrations.ts'
import { NetworkRows } from './network-rows.ts'

test('what is asked of one container or namespace is found by an index, not by looking at all', () => {
  const state = openState(':memory:', [ledgerMigrations, networkMigrations])
  const asked: string[] = []
  const watching: State = {
    ...state,
    db: state.db,
    transaction: (work) => state.transaction(work),
    prepare: (sql) => {
      asked.push(sql)
      return state.prepare(sql)
    },
  }
  const rows = new NetworkRows(watching)
  rows.endpoints({ netns: 'n' })
  rows.endpoints({ owner: 'o' })
  rows.isFree('web', { four: 1 })
  rows.isFree('web', { six: '::1' })
  assert.equal(asked.length, 4)
  for (const sql of asked) {
    const values = sql
      .split('?')
      .slice(1)
      .map(() => 'x')
    const plan = state.db.prepare(`explain query plan ${sql}`).all(...values)
    for (const { detail } of plan) assert.match(String(detail), /^SEARCH .* INDEX/, sql)
  }
  state[Symbol.dispose]()
})
