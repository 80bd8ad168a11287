import assert from 'node:assert/strict'
import type { EventMessage } from '@gantry/client'
import { test } from 'node:test'
import { EventCursor } from './event-cursor.ts'

const event = (time: number, action: string): EventMessage => ({
  Type: 'container',
  Action: action,
  Actor: { ID: 'a', Attributes: {} },
  scope: 'local',
  time,
  timeNano: time * 1e9,
})

test('events that come again after a new connection are left out, new ones of the same second are not', () => {
  const cursor = new EventCursor(100)
  assert.equal(cursor.since, '98.000')
  assert.ok(cursor.take(event(110, 'create')))
  assert.ok(cursor.take(event(110, 'start')))
  assert.equal(cursor.since, '108.000')
  assert.equal(cursor.take(event(110, 'create')), false)
  assert.equal(cursor.take(event(110, 'start')), false)
  assert.ok(cursor.take(event(110, 'die')))
})

test('what lies further back than a new connection goes is forgotten', () => {
  const cursor = new EventCursor(100)
  for (let time = 100; time < 200; time++) cursor.take(event(time, 'start'))
  assert.ok(cursor.take(event(100, 'start')))
})
