import assert from 'node:assert/strict'
import { test } from 'node:test'
import { awaitStart } from './await-start.ts'

test('a process that says it runs has started', async () => {
  let asked = 0
  const hasStarted = await awaitStart(
    async () => ++asked === 30,
    () => true,
  )
  assert.deepEqual([hasStarted, asked], [true, 30])
})

test('one that spoke and ended between the look at its pipe and the look at it has started', async () => {
  let isThere = true
  const hasStarted = await awaitStart(
    async () => !isThere,
    () => (isThere = false),
  )
  assert.equal(hasStarted, true)
})

test('one that ended without a word has not', async () => {
  const hasStarted = await awaitStart(
    async () => false,
    () => false,
  )
  assert.equal(hasStarted, false)
})
