import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fakeWorld, type FakeWorld } from '@gantry/testing/runtime'
import type { EngineErrorCode } from '../index.ts'

const refusal = (code: EngineErrorCode) => (error: unknown) => (error as { code?: unknown }).code === code

/** A container that runs, whose dump writes its name, tells `begun`, and ends with `end`. */
async function dumped(world: FakeWorld, name: string): Promise<{ id: string; begun: Promise<string>; end: Dump }> {
  const { id } = await world.engine.create({ image: 'busybox', name, command: ['sleep', '9'], restart })
  await world.engine.start(id)
  const task = await world.runtime.open(id)
  assert.ok(task)
  const begun = Promise.withResolvers<string>()
  const end = Promise.withResolvers<undefined>()
  task.checkpoint = async ({ directory, leaveRunning = false }) => {
    mkdirSync(directory)
    writeFileSync(join(directory, 'inventory.img'), name)
    begun.resolve(directory)
    await end.promise
    if (!leaveRunning) await task.kill('SIGKILL')
  }
  return { id, begun: begun.promise, end }
}
const restart = { name: 'always', maximumRetries: 0 } as const
type Dump = PromiseWithResolvers<undefined>

describe('checkpoints', () => {
  test('of two containers are written into one place at once', async () => {
    await using world = fakeWorld()
    const directory = join(world.site.root, 'place')
    const [one, two] = [await dumped(world, 'one'), await dumped(world, 'two')]
    const first = world.engine.createCheckpoint('one', { name: 'first', directory, leaveRunning: true })
    await one.begun
    const second = world.engine.createCheckpoint('two', { name: 'second', directory, leaveRunning: true })
    await two.begun
    one.end.resolve(undefined)
    await first
    two.end.resolve(undefined)
    await second
    assert.deepEqual(readdirSync(directory), ['first', 'second'])
    assert.equal(readFileSync(join(directory, 'first/inventory.img'), 'utf8'), 'one')
    assert.equal(readFileSync(join(directory, 'second/inventory.img'), 'utf8'), 'two')
  })

  test('are not given a name that another one is being written under, or has got in the meantime', async () => {
    await using world = fakeWorld()
    const directory = join(world.site.root, 'place')
    const [one, two] = [await dumped(world, 'one'), await dumped(world, 'two')]
    const first = world.engine.createCheckpoint('one', { name: 'same', directory, leaveRunning: true })
    await one.begun
    two.end.resolve(undefined)
    await assert.rejects(
      world.engine.createCheckpoint('two', { name: 'same', directory }),
      refusal('CHECKPOINT_EXISTS'),
    )
    assert.equal(world.engine.inspect('two').status, 'running')
    // Somebody else's.
    mkdirSync(join(directory, 'same'))
    writeFileSync(join(directory, 'same/inventory.img'), 'other')
    one.end.resolve(undefined)
    await assert.rejects(first, refusal('CHECKPOINT_EXISTS'))
    assert.deepEqual(readdirSync(directory), ['same'])
    assert.equal(readFileSync(join(directory, 'same/inventory.img'), 'utf8'), 'other')
  })

  test('that fail, or that a killed daemon left half done, leave nothing', async () => {
    await using world = fakeWorld()
    const directory = join(world.site.root, 'place')
    const one = await dumped(world, 'one')
    const left = join(directory, `.half-done-${one.id}-0`)
    const others = join(directory, `.half-done-${'0'.repeat(64)}-0`)
    mkdirSync(left, { recursive: true })
    mkdirSync(others)
    one.end.reject(new Error('no'))
    await assert.rejects(world.engine.createCheckpoint('one', { name: 'first', directory }), /no/)
    assert.deepEqual([existsSync(left), existsSync(others)], [false, true])
    assert.equal(readdirSync(directory).length, 1)
    assert.equal(world.engine.inspect('one').progress.stopRequested, false)
  })

  test('are an end that was asked for', async () => {
    await using world = fakeWorld()
    const one = await dumped(world, 'one')
    one.end.resolve(undefined)
    await world.engine.createCheckpoint('one', { name: 'first' })
    assert.equal(world.engine.inspect('one').status, 'exited')
  })

  test('that a killed daemon did not complete change nothing of the restart policy', async () => {
    await using world = fakeWorld()
    const one = await dumped(world, 'one')
    void world.engine.createCheckpoint('one', { name: 'first' })
    await one.begun
    const engine = world.restarted()
    await engine.recover()
    assert.equal(engine.inspect('one').progress.stopRequested, false)
    assert.deepEqual(engine.listCheckpoints('one'), [])
    const ended = engine.wait('one', 'next-exit')
    await (await world.runtime.open(one.id))?.kill('SIGKILL')
    await ended.result
    assert.equal(engine.inspect('one').status, 'restarting')
  })
})
