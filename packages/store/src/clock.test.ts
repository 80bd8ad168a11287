import assert from 'node:assert/strict'
import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { readerOf } from '@gantry/image'
import { openState } from '@gantry/state'
import { temporaryDirectory } from '@gantry/testing'
import { AgeClock } from './clock.ts'
import type { TimeSources } from './clock.ts'
import { openStore, storeMigrations } from './index.ts'

const day = 86_400_000

/** A machine whose clock can be set. */
class Machine implements TimeSources {
  clock = Date.now()
  up = 5 * day
  id = 'one'
  readonly wall = (): number => this.clock
  readonly uptime = (): number => this.up
  readonly boot = (): string => this.id

  pass(time: number): void {
    this.clock += time
    this.up += time
  }
}

async function withMachine(work: (machine: Machine, open: () => AgeClock) => void): Promise<void> {
  await using directory = await temporaryDirectory()
  using state = openState(join(directory.path, 'state.db'), [storeMigrations])
  const machine = new Machine()
  work(machine, () => {
    const clock = new AgeClock(state, machine)
    clock.observe()
    return clock
  })
}

describe('the time that ages are reckoned by', () => {
  test('is that of the machine, a little putting right of it included', () =>
    withMachine((machine, open) => {
      assert.equal(open().now(), machine.clock)
      machine.pass(day)
      machine.clock += 60_000
      assert.equal(open().now(), machine.clock)
      assert.equal(open().ahead(), 0)
    }))

  test('goes on when the clock is set ahead, also for processes that begin afterwards', () =>
    withMachine((machine, open) => {
      const before = open()
      const right = machine.clock
      machine.clock += 365 * day
      machine.pass(1000)
      for (const clock of [before, open(), open()]) {
        assert.equal(clock.now(), right + 1000)
        assert.equal(clock.ahead(), 365 * day)
      }
      machine.clock -= 365 * day
      assert.equal(open().now(), machine.clock)
      assert.equal(open().ahead(), 0)
    }))

  test('follows a clock that is set back, and knows again when that is set ahead', () =>
    withMachine((machine, open) => {
      open()
      machine.clock -= 365 * day
      assert.equal(open().now(), machine.clock)
      const right = machine.clock
      machine.clock += 30 * day
      assert.equal(open().now(), right)
    }))

  test('is that of the machine again when it was started again', () =>
    withMachine((machine, open) => {
      open()
      machine.clock += 365 * day
      machine.id = 'two'
      machine.up = 10_000
      assert.equal(open().now(), machine.clock)
    }))

  test('keeps from a collection what was put before the clock was set ahead', async () => {
    await using directory = await temporaryDirectory()
    await using codec = createCodec()
    using state = openState(join(directory.path, 'state.db'), [storeMigrations])
    const machine = new Machine()
    const options = { root: join(directory.path, 'content'), state, codec, time: machine }
    const bytes = Buffer.from('just put')
    const descriptor = { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length }
    {
      await using store = await openStore(options)
      await store.put(descriptor, readerOf(bytes))
      // Files have the time of the real clock.
      utimesSync(store.path(descriptor.digest), machine.clock / 1000, machine.clock / 1000)
    }
    machine.clock += 365 * day
    await using store = await openStore(options)
    assert.deepEqual((await store.gc()).removed, [])
    machine.pass(2 * 3_600_000)
    assert.deepEqual((await store.gc()).removed, [descriptor.digest])
  })
})
