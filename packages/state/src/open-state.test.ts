import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, test } from 'node:test'
import { checkState, openState, StateError } from './index.ts'
import type { Migrations, StateErrorCode } from './index.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-state-'))
after(() => rmSync(directory, { recursive: true, force: true }))

let count = 0
const freshPath = (): string => join(directory, String((count += 1)), 'state.db')
const fruit: Migrations = {
  name: 'fruit',
  steps: ['CREATE TABLE fruit_names (name TEXT PRIMARY KEY) STRICT', 'ALTER TABLE fruit_names ADD COLUMN colour TEXT'],
}
const fruitOne: Migrations = { name: 'fruit', steps: fruit.steps.slice(0, 1) }

function hasCode(code: StateErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof StateError && error.code === code
}

describe('openState', () => {
  test('creates the file private to its owner, in WAL mode', () => {
    const path = freshPath()
    using state = openState(path, [fruit])
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(state.db.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal')
    assert.deepEqual(checkState(state), [])
  })

  test('migrates an older schema and keeps its rows', () => {
    const path = freshPath()
    {
      using old = openState(path, [fruitOne])
      old.prepare('INSERT INTO fruit_names VALUES (?)').run('apple')
    }
    using state = openState(path, [fruit])
    assert.deepEqual(
      { ...state.prepare('SELECT name, colour FROM fruit_names').get() },
      { name: 'apple', colour: null },
    )
  })

  test('refuses a newer schema and leaves it as it was', () => {
    const path = freshPath()
    openState(path, [fruit])[Symbol.dispose]()
    assert.throws(
      () => openState(path, [fruitOne, { name: 'other', steps: ['CREATE TABLE other_a (a)'] }]),
      (error) => {
        assert.ok(hasCode('STATE_TOO_NEW')(error))
        assert.match(String((error as StateError).hint), /upgrade gantry.*GANTRY_ROOT/)
        return true
      },
    )
    using state = openState(path, [fruit])
    assert.equal(state.prepare(`SELECT count(*) AS n FROM sqlite_schema WHERE name = 'other_a'`).get()?.['n'], 0)
  })

  test('rolls every package back when a step fails', () => {
    const path = freshPath()
    assert.throws(
      () => openState(path, [fruit, { name: 'bad', steps: ['CREATE NONSENSE'] }]),
      hasCode('MIGRATION_FAILED'),
    )
    using state = openState(path, [fruitOne])
    assert.equal(state.prepare('SELECT version FROM schema').get()?.['version'], 1)
  })

  test('leaves packages that it is not asked for alone', () => {
    const path = freshPath()
    openState(path, [fruit])[Symbol.dispose]()
    openState(path, [{ name: 'other', steps: ['CREATE TABLE other_a (a)'] }])[Symbol.dispose]()
    using state = openState(path, [fruit])
    assert.deepEqual(
      state
        .prepare('SELECT package FROM schema ORDER BY package')
        .all()
        .map((row) => row['package']),
      ['fruit', 'other'],
    )
  })

  test('refuses a file that is no database, and one that is damaged', () => {
    const path = freshPath()
    openState(path, [fruit])[Symbol.dispose]()
    const bytes = readFileSync(path)
    writeFileSync(path, 'not a database at all, but long enough to be looked at'.repeat(100))
    assert.throws(() => openState(path, [fruit]), hasCode('STATE_DAMAGED'))
    writeFileSync(path, bytes.fill(0xab, 100))
    assert.throws(() => openState(path, [fruit]), hasCode('STATE_DAMAGED'))
  })

  test('refuses a directory that cannot be', () => {
    const path = freshPath()
    openState(path, [])[Symbol.dispose]()
    assert.throws(() => openState(join(path, 'below', 'state.db'), []), hasCode('STATE_UNAVAILABLE'))
  })

  test('read-only creates nothing, reads, and refuses what would need a migration', () => {
    const path = freshPath()
    assert.throws(() => openState(path, [fruit], { readOnly: true }), hasCode('STATE_UNAVAILABLE'))
    openState(path, [fruitOne])[Symbol.dispose]()
    assert.throws(() => openState(path, [fruit], { readOnly: true }), hasCode('STATE_TOO_OLD'))
    using state = openState(path, [fruitOne], { readOnly: true })
    assert.equal(state.prepare('SELECT count(*) AS n FROM fruit_names').get()?.['n'], 0)
    assert.throws(() => state.transaction(() => state.prepare(`INSERT INTO fruit_names VALUES ('x')`).run()))
  })

  test('several processes that create and migrate at once all succeed, once', async () => {
    const path = freshPath()
    const program = `
      import { openState } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
      const state = openState(${JSON.stringify(path)}, ${JSON.stringify([fruit])})
      state.transaction(() => state.prepare('INSERT INTO fruit_names (name) VALUES (?)').run(String(process.pid)))`
    const children = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'ignore', 'inherit'] }),
    )
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]))
    assert.deepEqual(codes, [0, 0, 0, 0, 0, 0])
    using state = openState(path, [fruit])
    assert.equal(state.prepare('SELECT count(*) AS n FROM fruit_names').get()?.['n'], 6)
  })
})

describe('State.transaction', () => {
  test('commits, and rolls back when the work throws', () => {
    using state = openState(freshPath(), [fruit])
    const names = (): unknown[] =>
      state
        .prepare('SELECT name FROM fruit_names')
        .all()
        .map((row) => row['name'])
    const add = (name: string): void => void state.prepare('INSERT INTO fruit_names (name) VALUES (?)').run(name)
    assert.equal(
      state.transaction(() => (add('a'), 7)),
      7,
    )
    assert.throws(() => state.transaction(() => (add('b'), assert.fail('stop'))), /stop/)
    assert.deepEqual(names(), ['a'])
    state.transaction(() => {
      add('c')
      assert.throws(() => state.transaction(() => (add('d'), assert.fail('inner'))))
      state.transaction(() => add('e'), { durable: true })
    })
    assert.deepEqual(names(), ['a', 'c', 'e'])
  })

  test('is synced when it is durable, also from inside', () => {
    using state = openState(freshPath(), [fruit])
    const level = (): unknown => state.db.prepare('PRAGMA synchronous').get()?.['synchronous']
    const barriers = (): unknown => state.db.prepare('SELECT count FROM state_barrier').get()?.['count']
    state.transaction(() => assert.equal(level(), 2), { durable: true })
    assert.equal(level(), 1)
    assert.equal(barriers(), 0)
    state.transaction(() => state.transaction(() => undefined, { durable: true }))
    assert.equal(barriers(), 1)
    assert.throws(() => state.transaction(() => assert.fail('stop'), { durable: true }))
    assert.equal(level(), 1)
  })

  test('can be synced afterwards, many at once', async () => {
    using state = openState(freshPath(), [fruit])
    const synced = Array.from({ length: 50 }, (_, n) => {
      state.transaction(() => state.prepare('INSERT INTO fruit_names (name) VALUES (?)').run(`n${n}`))
      return state.sync()
    })
    await Promise.all(synced)
    const reader = new DatabaseSync(state.db.location() ?? '', { readOnly: true })
    assert.equal(reader.prepare('SELECT count(*) AS n FROM fruit_names').get()?.['n'], 50)
    reader.close()
    using memory = openState(':memory:', [fruit])
    await memory.sync()
  })

  test('refuses a promise and rolls back', async () => {
    using state = openState(freshPath(), [fruit])
    assert.throws(
      () =>
        state.transaction(async () => {
          state.prepare(`INSERT INTO fruit_names (name) VALUES ('a')`).run()
          throw new Error('nobody sees this')
        }),
      hasCode('TRANSACTION_ASYNC'),
    )
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(state.prepare('SELECT count(*) AS n FROM fruit_names').get()?.['n'], 0)
    state.transaction(() => undefined)
  })

  test('says that it is busy when another holds the lock too long', () => {
    const path = freshPath()
    using state = openState(path, [fruit])
    state.db.exec('PRAGMA busy_timeout = 50')
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    assert.throws(() => state.transaction(() => undefined), hasCode('STATE_BUSY'))
    other.exec('ROLLBACK')
    other.close()
    state.transaction(() => undefined)
  })

  test('statements are prepared once per text', () => {
    using state = openState(freshPath(), [fruit])
    assert.equal(state.prepare('SELECT 1'), state.prepare('SELECT 1'))
  })
})
