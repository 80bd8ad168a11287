import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fakeWorld, type FakeWorld } from '@gantry/testing/runtime'
import type { CreateRequest, Engine, HealthAction, HealthState } from '../index.ts'

const second = 1e9

interface Checked {
  readonly world: FakeWorld
  /** What the next checks answer with; `hang` never ends by itself. */
  answer: number | 'hang'
  readonly checks: () => number
}

function checkedWorld(): Checked {
  let checks = 0
  const checked: Checked = {
    answer: 0,
    checks: () => checks,
    world: fakeWorld({
      programs: {
        check: async ({ write, ended }) => {
          checks++
          write('stdout', `check ${checks}\n`)
          return checked.answer === 'hang' ? ended : checked.answer
        },
      },
    }),
  }
  return checked
}

async function running(
  engine: Engine,
  more: Partial<CreateRequest> = {},
  onFailure: HealthAction = 'none',
): Promise<string> {
  const { id } = await engine.create({
    image: 'busybox',
    command: ['sleep', '9'],
    stopTimeout: 0,
    health: { Test: ['CMD', 'check'], Interval: second, Timeout: second / 2, Retries: 2, OnFailure: onFailure },
    ...more,
  })
  await engine.start(id)
  return id
}

const health = (engine: Engine, id: string): HealthState | undefined => engine.inspect(id).progress.health

async function actions(world: FakeWorld): Promise<string[]> {
  const found: string[] = []
  for await (const { action } of world.engine.events({ since: 0, until: world.clock.now() })) found.push(action)
  return found
}

describe('health checks', () => {
  test('run at their interval and tell each change', async () => {
    const checked = checkedWorld()
    await using world = checked.world
    const id = await running(world.engine)
    assert.equal(health(world.engine, id)?.status, 'starting')
    await world.clock.advance(1000)
    assert.equal(health(world.engine, id)?.status, 'healthy')
    assert.equal(health(world.engine, id)?.log[0]?.output, 'check 1\n')
    checked.answer = 1
    await world.clock.advance(1000)
    assert.deepEqual([health(world.engine, id)?.status, health(world.engine, id)?.failingStreak], ['healthy', 1])
    await world.clock.advance(1000)
    assert.equal(health(world.engine, id)?.status, 'unhealthy')
    await world.clock.advance(1000)
    assert.equal(checked.checks(), 4)
    assert.deepEqual(
      world.engine.list({ filter: { health: ['unhealthy'] } }).map((each) => each.id),
      [id],
    )
    await world.engine.remove(id, { force: true })
    await world.clock.advance(5000)
    assert.equal(checked.checks(), 4, 'a removed container is still checked')
    assert.deepEqual(await actions(world), [
      'create',
      'start',
      'health_status: healthy',
      'health_status: unhealthy',
      'kill',
      'die',
      'destroy',
    ])
  })

  test('one that takes too long is ended and has failed', async () => {
    const checked = checkedWorld()
    await using world = checked.world
    const id = await running(world.engine)
    checked.answer = 'hang'
    await world.clock.advance(1500)
    const [result] = health(world.engine, id)?.log ?? []
    assert.equal(result?.exitCode, -1)
    assert.match(result?.output ?? '', /exceeded timeout \(0\.5s\)/)
  })

  test('one that cannot be run has failed', async () => {
    await using world = fakeWorld()
    const id = await running(world.engine)
    await world.clock.advance(2000)
    assert.deepEqual([health(world.engine, id)?.status, health(world.engine, id)?.log[0]?.exitCode], ['unhealthy', -1])
  })

  test('a paused container is not checked, and is again when it goes on', async () => {
    const checked = checkedWorld()
    await using world = checked.world
    const id = await running(world.engine)
    await world.engine.pause(id)
    await world.clock.advance(10_000)
    assert.equal(checked.checks(), 0)
    await world.engine.unpause(id)
    await world.clock.advance(2000)
    assert.ok(checked.checks() > 0)
  })

  test('restart: an unhealthy container is started again, and begins anew', async () => {
    const checked = checkedWorld()
    await using world = checked.world
    checked.answer = 1
    const id = await running(world.engine, {}, 'restart')
    await world.clock.advance(2000)
    checked.answer = 0
    await world.clock.advance(0)
    const { status, progress } = world.engine.inspect(id)
    assert.deepEqual([status, progress.run, progress.health?.status], ['running', 2, 'starting'])
    await world.clock.advance(1000)
    assert.equal(health(world.engine, id)?.status, 'healthy')
  })

  test('kill leaves the rest to the restart policy, stop does not', async () => {
    for (const [action, run] of [
      ['kill', 2],
      ['stop', 1],
    ] as const) {
      const checked = checkedWorld()
      await using world = checked.world
      checked.answer = 1
      const id = await running(world.engine, { restart: { name: 'always', maximumRetries: 0 } }, action)
      await world.clock.advance(2500)
      const { status, progress } = world.engine.inspect(id)
      assert.deepEqual([status, progress.run], [action === 'kill' ? 'running' : 'exited', run], action)
    }
  })

  test('the next daemon goes on where the last one ended, and acts on what that one left', async () => {
    const checked = checkedWorld()
    await using world = checked.world
    checked.answer = 1
    const id = await running(world.engine, {}, 'stop')
    await world.clock.advance(1000)
    const engine = world.restarted()
    await engine.recover()
    assert.equal(health(engine, id)?.failingStreak, 1)
    await world.clock.advance(1000)
    const { status, progress } = engine.inspect(id)
    assert.deepEqual([status, progress.health?.status], ['exited', 'unhealthy'])
  })
})
