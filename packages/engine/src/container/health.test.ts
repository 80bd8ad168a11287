import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EngineError } from '../engine-error.ts'
import { healthAfter, healthAtStart, nextCheckAt, planHealth, type HealthCheck, type HealthState } from './health.ts'

const seconds = 1e9
const check: HealthCheck = {
  test: ['CMD', 'true'],
  interval: 10_000,
  timeout: 1000,
  startPeriod: 5000,
  startInterval: 500,
  retries: 2,
  onFailure: 'none',
}

describe('planHealth', () => {
  test('has the defaults of Docker', () => {
    assert.deepEqual(planHealth({ Test: ['CMD-SHELL', 'x'] }), {
      test: ['CMD-SHELL', 'x'],
      interval: 30_000,
      timeout: 30_000,
      startPeriod: 0,
      startInterval: 5000,
      retries: 3,
      onFailure: 'none',
    })
  })

  test('takes each member of the image that is not asked for otherwise', () => {
    const image = { Test: ['CMD', 'a'], Interval: seconds, Retries: 7 }
    const plan = planHealth({ Timeout: 2 * seconds, Interval: 0 }, image)
    assert.deepEqual([plan?.test, plan?.interval, plan?.timeout, plan?.retries], [['CMD', 'a'], 1000, 2000, 7])
    assert.deepEqual(planHealth({ Test: ['CMD', 'b'] }, image)?.test, ['CMD', 'b'])
  })

  test('is nothing where nothing checks, or NONE says so', () => {
    assert.equal(planHealth(), undefined)
    assert.equal(planHealth({ Test: ['NONE'] }, { Test: ['CMD', 'a'] }), undefined)
    assert.equal(planHealth({}, { Test: ['NONE'] }), undefined)
  })

  for (const request of [
    { Test: ['WHAT', 'x'] },
    { Test: ['CMD'] },
    { Test: ['CMD', 'x'], Interval: 1000 },
    { Test: ['CMD', 'x'], Retries: -1 },
    { OnFailure: 'restart' as const },
  ])
    test(`refuses ${JSON.stringify(request)}`, () => {
      assert.throws(() => planHealth(request), EngineError)
    })
})

describe('healthAfter', () => {
  const after = (before: HealthState, ...codes: number[]): HealthState => {
    let state = before
    for (const [index, exitCode] of codes.entries()) {
      const start = 100_000 + index
      state = healthAfter(state, { start, end: start, exitCode, output: '' }, { check, startedAt: 0 })
    }
    return state
  }
  const outline = ({ status, failingStreak, log }: HealthState): unknown[] => [status, failingStreak, log.length]

  test('so many failures in a row make it unhealthy, one success makes it healthy', () => {
    const begun = healthAtStart(undefined)
    assert.deepEqual(outline(begun), ['starting', 0, 0])
    assert.deepEqual(outline(after(begun, 1)), ['starting', 1, 1])
    assert.deepEqual(outline(after(begun, 1, -1)), ['unhealthy', 2, 2])
    assert.deepEqual(outline(after(begun, 1, 0, 1)), ['healthy', 1, 3])
    assert.deepEqual(outline(after(begun, 1, 1, 1, 0, 1, 1)), ['unhealthy', 2, 5])
  })

  test('failures within the start period do not count until one has succeeded', () => {
    const early = (before: HealthState, exitCode: number): HealthState =>
      healthAfter(before, { start: 4999, end: 4999, exitCode, output: '' }, { check, startedAt: 0 })
    const failed = early(early(healthAtStart(undefined), 1), 1)
    assert.deepEqual(outline(failed), ['starting', 0, 2])
    assert.deepEqual(outline(early(early(failed, 0), 1)), ['healthy', 1, 4])
  })
})

describe('nextCheckAt', () => {
  const result = (end: number): HealthState['log'][number] => ({ start: end, end, exitCode: 1, output: '' })

  test('is an interval after the last check, sooner within the start period', () => {
    const begun = healthAtStart(undefined)
    assert.equal(nextCheckAt(begun, { check, startedAt: 1000, now: 1000 }), 1500)
    assert.equal(nextCheckAt({ ...begun, log: [result(1700)] }, { check, startedAt: 1000, now: 1700 }), 2200)
    assert.equal(nextCheckAt({ ...begun, log: [result(7000)] }, { check, startedAt: 1000, now: 7000 }), 17_000)
    const healthy: HealthState = { status: 'healthy', failingStreak: 0, log: [result(1700)] }
    assert.equal(nextCheckAt(healthy, { check, startedAt: 1000, now: 1700 }), 11_700)
  })

  test('does not count checks of earlier runs', () => {
    const again = healthAtStart({ status: 'unhealthy', failingStreak: 9, log: [result(500)] })
    assert.equal(nextCheckAt(again, { check: { ...check, startPeriod: 0 }, startedAt: 1000, now: 1000 }), 11_000)
  })
})
