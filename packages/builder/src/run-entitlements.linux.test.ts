import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { busyboxMissing } from '@gantry/testing'
import { World } from './test/world.ts'

const skip = process.getuid?.() === 0 ? (busyboxMissing() ?? false) : 'needs root, to run containers'
const base = 'FROM localhost/busybox\n'

describe('RUN with what a build allows', { skip, concurrency: false }, () => {
  let world: World
  before(async () => {
    world = await World.open()
    await world.busybox()
  })
  after(() => world[Symbol.asyncDispose]())

  test('--security=insecure has what root has, and what it mounts is gone with it', async () => {
    const Dockerfile = `${base}RUN --security=insecure mkdir /m && mount -t tmpfs tmpfs /m && touch /m/x && ls /m\n`
    await assert.rejects(world.build({ Dockerfile }), { code: 'NOT_ALLOWED', line: 2, column: 1 })
    await assert.rejects(world.build({ Dockerfile }, { allow: ['device'] }), { code: 'NOT_ALLOWED' })
    const { layers } = await world.build({ Dockerfile }, { allow: ['security.insecure'] })
    assert.equal(world.output(), 'x\n')
    assert.deepEqual(
      (await world.layer(layers.at(-1)!)).map(({ path }) => path),
      ['m'],
    )
    const sandbox = `${base}RUN mkdir /m && mount -t tmpfs tmpfs /m\n`
    await assert.rejects(world.build({ Dockerfile: sandbox }, { allow: ['security.insecure'] }), { code: 'RUN_FAILED' })
    world.assertClean()
  })

  test('--device gives a device that the machine describes, and leaves nothing in the layer', async () => {
    const directory = '/var/run/cdi'
    const file = `${directory}/gantry-test-${process.pid}.json`
    const kind = `gantry.example/test${process.pid}`
    const wasThere = existsSync(directory)
    mkdirSync(directory, { recursive: true })
    try {
      const edits = { deviceNodes: [{ path: '/dev/gantry0', hostPath: '/dev/zero' }], env: ['DEVICE=here'] }
      writeFileSync(
        file,
        JSON.stringify({ cdiVersion: '0.6.0', kind, devices: [{ name: 'x', containerEdits: edits }] }),
      )
      const Dockerfile = `${base}RUN --device=${kind}=x,required head -c 3 /dev/gantry0 | wc -c && echo $DEVICE\n`
      await assert.rejects(world.build({ Dockerfile }), { code: 'NOT_ALLOWED', line: 2 })
      const { layers } = await world.build({ Dockerfile }, { allow: [`device=${kind}`] })
      assert.equal(world.output(), '3\nhere\n')
      assert.deepEqual(await world.layer(layers.at(-1)!), [])
      const missing = { Dockerfile: `${base}RUN --device=${kind}=y,required true\n` }
      await assert.rejects(world.build(missing, { allow: ['device'] }), { code: 'DEVICE_MISSING', line: 2 })
      await world.build({ Dockerfile: `${base}RUN --device=${kind}=y true\n` }, { allow: ['device'] })
    } finally {
      rmSync(file, { force: true })
      if (!wasThere) rmdirSync(directory)
    }
    world.assertClean()
  })
})
