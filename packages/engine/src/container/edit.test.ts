import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fakeWorld } from '@gantry/testing/runtime'
import { EngineError } from '../engine-error.ts'
import type { ContainerEdit, ContainerSpec } from '../index.ts'

const asked = {
  image: 'busybox',
  command: ['sleep', '9'],
  env: ['A=1', 'B=2'],
  labels: { x: '1' },
  ports: [{ containerPort: 80, protocol: 'tcp', hostPort: 8080 }] as const,
  mounts: [{ type: 'volume', name: 'kept', target: '/data', readonly: false, copyUp: true }] as const,
  resources: { memory: 64 << 20, cpuQuota: 50_000 },
}

async function edited(...edits: ContainerEdit[]): Promise<ContainerSpec> {
  await using world = fakeWorld()
  const { id } = await world.engine.create(asked)
  for (const edit of edits) await world.engine.update(id, edit)
  // Another daemon reads the same from the database.
  assert.deepEqual(world.restarted().inspect(id), world.engine.inspect(id))
  return world.engine.inspect(id).spec
}

const refused = (edit: ContainerEdit): Promise<void> =>
  assert.rejects(edited(edit), (error) => error instanceof EngineError && error.code === 'SPEC_INVALID')

describe('update', () => {
  test('sets and takes away variables and labels', async () => {
    const { env, labels } = await edited({ env: { A: '3', B: undefined, C: '4' }, labels: { x: undefined, y: '2' } })
    assert.deepEqual(
      env.filter((each) => /^[ABC]=/.test(each)),
      ['A=3', 'C=4'],
    )
    assert.deepEqual(labels, { y: '2' })
  })

  test('publishes and stops publishing ports', async () => {
    const publish = [{ containerPort: 53, protocol: 'udp', hostPort: 5353 }] as const
    const { ports } = await edited({ publish, unpublish: ['80'] })
    assert.deepEqual(ports, publish)
    await refused({ unpublish: ['81'] })
  })

  test('mounts and unmounts; one in the place of another takes both', async () => {
    const bind = {
      type: 'bind',
      source: '/tmp',
      target: '/data',
      readonly: true,
      propagation: '',
      createSource: false,
    } as const
    const { mounts } = await edited({ unmount: ['/data/'], mount: [bind] })
    assert.deepEqual(mounts, [bind])
    await refused({ mount: [bind] })
    await refused({ unmount: ['/nothing'] })
  })

  test('a share of processors takes the place of a quota, and the other way round', async () => {
    assert.deepEqual((await edited({ resources: { cpus: 1 } })).resources, { memory: 64 << 20, cpus: 1 })
    const { resources } = await edited({ resources: { cpus: 1 } }, { resources: { cpuQuota: 20_000 } })
    assert.deepEqual(resources, { memory: 64 << 20, cpuQuota: 20_000 })
    await refused({ resources: { cpus: 100_000 } })
  })

  test('what fails changes nothing, and a volume stays when its mount goes', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create(asked)
    const { spec } = world.engine.inspect(id)
    await assert.rejects(world.engine.update(id, { env: { A: '9' }, unpublish: ['81'] }))
    assert.deepEqual(world.engine.inspect(id).spec, spec)
    await world.engine.update(id, { unmount: ['/data'] })
    assert.equal(world.engine.inspectVolume('kept').name, 'kept')
    assert.deepEqual(world.engine.volumeUsers('kept'), [])
  })

  test('says what changes at once and what at the next start', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create(asked)
    await world.engine.start(id)
    const edit = { labels: { a: 'b' }, resources: { pids: 9 }, env: { A: '2' }, unmount: ['/data'], unpublish: ['80'] }
    assert.deepEqual(await world.engine.update(id, edit), {
      live: ['limits', 'labels'],
      atStart: ['environment', 'ports', 'mounts'],
      running: true,
    })
    await world.engine.restart(id)
    assert.equal(world.engine.inspect(id).progress.endpoints[0]?.ports.length, 0)
    await world.engine.remove(id, { force: true })
  })
})
