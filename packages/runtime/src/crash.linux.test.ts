import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { exitOf, runStatus, start } from '@gantry/process'
import { leftovers, linuxWorld, whyNoContainers, type LinuxWorld } from './fixtures/linux-world.ts'

const skip = whyNoContainers() ?? false
const scenario = fileURLToPath(new URL('./fixtures/crash-scenario.ts', import.meta.url))
let world: LinuxWorld

describe('a process that dies while it makes or removes a container', { skip }, () => {
  before(async () => {
    world = await linuxWorld()
  })
  after(() => world.dispose())

  test('leaves nothing that recovery does not remove, at any step of the ledger', async () => {
    let steps = 0
    for (let step = 1; ; step++) {
      const id = `crash${String(step)}`
      const result = await runStatus(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', scenario, world.base, id],
        {
          env: { ...process.env, GANTRY_FAULT_AT: String(step) },
          timeout: 30_000,
        },
      )
      const isWhole = result.stdout.includes('whole')
      assert.ok(isWhole || result.signal === 'SIGKILL', result.stderr)
      const settled = world.ledger.owners(`container/${id}`).some(({ state }) => state === 'settled')
      const report = await world.ledger.recover()
      assert.deepEqual(report.failed, [])
      // What has been settled runs on; the engine finds it and decides.
      if (settled) {
        await (await world.runtime.open(id))?.delete()
        await world.ledger.undo(`container/${id}`)
      }
      assert.deepEqual(leftovers(world), [], `after step ${String(step)}`)
      assert.deepEqual(world.ledger.owners(`container/${id}`), [])
      if (isWhole) break
      steps = step
    }
    assert.ok(steps > 10, `only ${String(steps)} steps`)
  })

  test('leaves nothing either when it dies while the monitor is just starting', async () => {
    for (const [round, delay] of [0, 2, 5, 10, 20, 35, 50].entries()) {
      const id = `early${String(round)}`
      const child = start(process.execPath, ['--disable-warning=ExperimentalWarning', scenario, world.base, id])
      while (world.ledger.owners(`container/${id}`).length === 0) await sleep(1)
      await sleep(delay)
      child.kill('SIGKILL')
      await exitOf(child)
      await world.ledger.recover()
      if (world.ledger.owners(`container/${id}`).length > 0) await world.ledger.undo(`container/${id}`)
      // A first process that was being made ends by itself when its parent is gone.
      await sleep(30)
      assert.deepEqual(leftovers(world), [], `after ${String(delay)} ms`)
    }
  })
})
