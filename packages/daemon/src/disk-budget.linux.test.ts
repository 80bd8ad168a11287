import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { EngineEvent } from '@gantry/engine'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'
import { keepBudget, type DiskBudgetParts } from './disk-budget.ts'
import { openWorld, type World } from './open-world.ts'

const skip = realDaemonMissing() ?? false
const megabyte = 1_000_000

let daemon: RealDaemon
let world: World
before(async () => {
  if (skip !== false) return
  // The daemon's process is not needed: its world is opened here.
  daemon = await realDaemon({ start: false })
  world = await openWorld(daemon.site)
  await world.engine.recover()
})
after(async () => {
  if (skip !== false) return
  await world[Symbol.asyncDispose]()
  await daemon[Symbol.asyncDispose]()
})

async function ended(name: string, megabytes: number, more: object = {}): Promise<string> {
  const { engine } = world
  const command = ['sh', '-c', `head -c ${String(megabytes * megabyte)} /dev/zero | tr '\\0' x > /data`]
  const { id } = await engine.create({ name, image: 'localhost/busybox', command, network: { kind: 'none' }, ...more })
  const { result } = engine.wait(id, 'next-exit')
  await engine.start(id)
  await result
  return id
}

const names = (): string[] =>
  world.engine
    .list({ all: true })
    .map(({ name }) => name)
    .toSorted()

test('a budget takes what ended first and no more than it must, never what is kept on purpose', { skip }, async () => {
  await ended('first', 6)
  await ended('second', 6)
  await ended('wanted', 6, { restart: { name: 'unless-stopped', maximumRetries: 0 } })
  await world.engine.stop('wanted').catch(() => undefined)
  await world.engine.create({ name: 'never-started', image: 'localhost/busybox', command: ['true'] })
  world.engine.createVolume({ name: 'data' })
  const lines: string[] = []
  const events: Omit<EngineEvent, 'time'>[] = []
  const parts: DiskBudgetParts = {
    engine: { ...world.engine, emit: (event) => void events.push(event) },
    content: world.content,
    builderPorts: world.builderPorts,
    log: (line) => lines.push(line),
    now: () => Date.now() + 1,
  }
  assert.ok((await keepBudget(parts, { bytes: 10 * megabyte })).before < 10 * megabyte, 'what ended just now counts')
  assert.deepEqual(names(), ['first', 'never-started', 'second', 'wanted'])

  const { before: all, after: left } = await keepBudget(parts, { bytes: 10 * megabyte, idle: 0 })
  assert.ok(all > 12 * megabyte && left <= 10 * megabyte, `${String(all)} ${String(left)}`)
  assert.deepEqual(names(), ['never-started', 'second', 'wanted'])
  assert.ok(lines.some((line) => line.includes('container first')))
  assert.ok(events.some(({ type, action }) => type === 'container' && action === 'prune'))

  await keepBudget(parts, { bytes: 0, idle: 0 })
  assert.deepEqual(names(), ['never-started', 'wanted'])
  assert.equal(world.engine.listVolumes().length, 1)
  assert.equal((await world.images.list()).length, 1)
})

test('unpacked layers go, are told of before, and come again when they are needed', { skip }, async () => {
  for (const { id } of world.engine.list({ all: true })) await world.engine.remove(id, { force: true })
  assert.equal((await world.content.dropUnpacked({ unusedFor: 0 })).count, 1)
  assert.deepEqual((await world.content.usage()).twice, { count: 0, bytes: 0, reclaimable: 0 })
  await ended('again', 1)
  const { twice, layers } = await world.content.usage()
  assert.deepEqual([twice.count, twice.bytes, twice.reclaimable], [1, layers.bytes, 0])
  // What a container stands on stays, whether it runs or not.
  assert.equal((await world.content.dropUnpacked({ unusedFor: 0 })).count, 0)
  await world.engine.remove('again')
  const pruned = await world.images.prune({ filters: { unpacked: ['true'], until: ['0s'] } })
  assert.equal(pruned.SpaceReclaimed, twice.bytes)
})
