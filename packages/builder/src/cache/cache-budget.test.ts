import assert from 'node:assert/strict'
import { test } from 'node:test'
import { World } from '../test/world.ts'
import { cacheBudget, keepCacheBudget, setCacheBudget } from './cache-budget.ts'
import { listCache } from './list-cache.ts'

test('a cache over its budget is cut down after a build, the longest unused first, and not looked at for nothing', async () => {
  await using world = await World.open()
  const build = async (text: string): Promise<unknown> =>
    world.build({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: text.repeat(10_000) })
  const steps = async (): Promise<number> => (await listCache(world.ports)).filter(({ kind }) => kind === 'step').length
  await build('1')
  await build('2')
  assert.equal(await keepCacheBudget(world.ports, { interval: 0 }), undefined)
  setCacheBudget(world.state, 15_000)
  assert.equal(cacheBudget(world.state), 15_000)
  const pruned = await keepCacheBudget(world.ports, { interval: 0 })
  assert.deepEqual(
    pruned?.removed.map(({ kind }) => kind),
    ['step'],
  )
  assert.equal(await steps(), 1)
  assert.equal(await keepCacheBudget(world.ports, { interval: 0 }), undefined)
  await build('3')
  assert.equal(await keepCacheBudget(world.ports), undefined)
  assert.equal(await steps(), 2)
  await keepCacheBudget(world.ports, { interval: 0 })
  assert.equal(await steps(), 1)
  await build('3')
  assert.deepEqual(
    world.steps().map(([, cached]) => cached),
    [true],
  )
  setCacheBudget(world.state, undefined)
  await build('4')
  assert.equal(await keepCacheBudget(world.ports, { interval: 0 }), undefined)
})
