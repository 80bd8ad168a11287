import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { startBudgetRounds } from './budget-rounds.ts'
import { writeSettings } from './settings.ts'

/** Rounds over a root whose settings cannot be read, so that each is told as a failure, by a clock that is moved by hand. */
function rounds(
  t: TestContext,
): Disposable & ReturnType<typeof startBudgetRounds> & { readonly failures: string[]; readonly root: string } {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const root = mkdtempSync(join(tmpdir(), 'gantry-rounds-'))
  writeFileSync(join(root, 'settings.json'), 'no settings')
  const failures: string[] = []
  // Nothing of these is reached: the settings come first.
  const parts = {} as Parameters<typeof startBudgetRounds>[1]
  const made = startBudgetRounds({ root }, parts, (message) => failures.push(message))
  return {
    failures,
    root,
    round: () => made.round(),
    [Symbol.dispose]: () => {
      made[Symbol.dispose]()
      rmSync(root, { recursive: true })
    },
  }
}

test('the disk budget is looked at a minute after the start, and then every ten minutes', async (t) => {
  using budget = rounds(t)
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  t.mock.timers.tick(59_999)
  assert.equal(budget.failures.length, 0)
  t.mock.timers.tick(1)
  assert.deepEqual(budget.failures, ['cannot keep the disk budget'])
  await settled()
  for (const expected of [2, 3]) {
    t.mock.timers.tick(600_000)
    assert.equal(budget.failures.length, expected)
    await settled()
  }
})

test('the disk budget is not looked at after the end, and a root without one is left alone', async (t) => {
  const budget = rounds(t)
  writeSettings(budget, {})
  await budget.round()
  budget[Symbol.dispose]()
  t.mock.timers.tick(1_200_000)
  assert.deepEqual(budget.failures, [])
})
