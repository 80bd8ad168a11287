import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SteadyClock, steadyNow } from './steady-clock.ts'

const year = 365 * 86_400_000

interface Times {
  wall: number
  uptime: number
  monotonic: number
}

function fixture(): {
  readonly times: Times
  readonly clock: SteadyClock
  readonly pass: (milliseconds: number) => void
} {
  const times = { wall: 50 * year, uptime: 5000, monotonic: 700 }
  const clock = new SteadyClock({
    wall: () => times.wall,
    uptime: () => Math.floor(times.uptime / 10) * 10,
    monotonic: () => times.monotonic,
  })
  return {
    times,
    clock,
    pass(milliseconds) {
      for (const name of ['wall', 'uptime', 'monotonic'] as const) times[name] += milliseconds
    },
  }
}

describe('a steady clock', () => {
  test('says the time that the machine had, and goes on with it', () => {
    const { clock, pass } = fixture()
    assert.equal(clock.now(), 50 * year)
    pass(12_345)
    assert.equal(clock.now(), 50 * year + 12_345)
    assert.equal(clock.drift(), 0)
  })

  for (const jump of [10 * year, -10 * year, 3000]) {
    test(`does not jump with the machine's by ${jump} ms, and says how far that was`, () => {
      const { clock, times, pass } = fixture()
      times.wall += jump
      assert.equal(clock.now(), 50 * year)
      pass(60_000)
      assert.equal(clock.now(), 50 * year + 60_000)
      assert.equal(clock.drift(), jump)
    })
  }

  test('counts what the machine slept', () => {
    const { clock, times, pass } = fixture()
    pass(5000)
    times.wall += 3_600_000
    times.uptime += 3_600_000
    pass(1000)
    assert.equal(clock.now(), 50 * year + 3_606_000)
    assert.equal(clock.drift(), 0)
  })

  test('never goes back, however coarse the uptime is', () => {
    const { clock, pass } = fixture()
    let before = clock.now()
    for (let step = 0; step < 1000; step++) {
      pass(333.3)
      assert.ok(clock.now() >= before)
      before = clock.now()
    }
    assert.ok(Math.abs(clock.drift()) <= 1)
  })
})

test('the one of this process is that of the machine, in whole milliseconds', () => {
  assert.ok(Math.abs(steadyNow() - Date.now()) < 1000)
  assert.ok(Number.isInteger(steadyNow()))
})
