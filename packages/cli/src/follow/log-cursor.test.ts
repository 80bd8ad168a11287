import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogCursor } from './log-cursor.ts'

const frame = (text: string): { stream: 'stdout'; data: Uint8Array } => ({ stream: 'stdout', data: Buffer.from(text) })
const take = (cursor: LogCursor, texts: readonly string[]): string[] =>
  texts.flatMap((text) => {
    const data = cursor.take(frame(text))
    return data === undefined ? [] : [Buffer.from(data).toString()]
  })

test('a new connection repeats the lines of the last time, and they are left out', () => {
  const cursor = new LogCursor({ keepsTimes: false })
  assert.deepEqual(take(cursor, ['t1 a', 't2 b', 't2 b']), ['a', 'b', 'b'])
  assert.equal(cursor.since, 't2')
  cursor.reconnected()
  assert.deepEqual(take(cursor, ['t2 b', 't2 b', 't2 c', 't3 d']), ['c', 'd'])
})

test('a second loss before anything new leaves out the same', () => {
  const cursor = new LogCursor({ keepsTimes: true })
  take(cursor, ['t1 a', 't1 b'])
  cursor.reconnected()
  assert.deepEqual(take(cursor, ['t1 a']), [])
  cursor.reconnected()
  assert.deepEqual(take(cursor, ['t1 a', 't1 b', 't1 c']), ['t1 c'])
})

test('lines of the last time that are gone from the log take none of later ones', () => {
  const cursor = new LogCursor({ keepsTimes: false })
  take(cursor, ['t1 a', 't1 b'])
  cursor.reconnected()
  assert.deepEqual(take(cursor, ['t2 c', 't2 d']), ['c', 'd'])
})
