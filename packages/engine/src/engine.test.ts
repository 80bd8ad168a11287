import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fakeWorld, type FakeWorld } from '@gantry/testing/runtime'
import type { OutputChunk } from '@gantry/runtime'
import { EngineError, type CreateRequest, type EngineErrorCode } from './index.ts'

const refusal = (code: EngineErrorCode) => (error: unknown) => error instanceof EngineError && error.code === code

async function textOf(output: AsyncIterable<OutputChunk>): Promise<string> {
  let text = ''
  for await (const { stream, data } of output)
    text += `${stream === 'stderr' ? '!' : ''}${Buffer.from(data).toString()}`
  return text
}

async function run(world: FakeWorld, ...command: string[]): Promise<string> {
  const { id } = await world.engine.create({ image: 'busybox', command })
  await world.engine.start(id)
  return id
}

describe('create', () => {
  test('merges the image and the request', async () => {
    await using world = fakeWorld({
      images: {
        app: {
          Entrypoint: ['echo'],
          Cmd: ['a'],
          Env: ['A=1', 'B=2'],
          Labels: { x: '1' },
          WorkingDir: '/srv',
          User: 'user',
        },
      },
    })
    const { spec, name, id } = await world.engine.create({ image: 'app', env: ['B=3'], labels: { y: '2' } })
    assert.deepEqual(
      [spec.entrypoint, spec.command, spec.workingDirectory, spec.user],
      [['echo'], ['a'], '/srv', 'user'],
    )
    assert.ok(spec.env.includes('A=1') && spec.env.includes('B=3') && spec.env.includes(`HOSTNAME=${id.slice(0, 12)}`))
    assert.deepEqual(spec.labels, { x: '1', y: '2' })
    assert.match(name, /^[a-z]+_[a-z]+$/)
    assert.match(id, /^[0-9a-f]{64}$/)
  })

  test('an entrypoint that is given drops the image command', async () => {
    await using world = fakeWorld({ images: { app: { Entrypoint: ['echo'], Cmd: ['a'] } } })
    assert.deepEqual((await world.engine.create({ image: 'app', entrypoint: ['cat'] })).spec.command, [])
    await assert.rejects(world.engine.create({ image: 'app', entrypoint: [''] }), refusal('COMMAND_MISSING'))
  })

  test('refuses a taken name, a bad name and an unknown image, and leaves nothing', async () => {
    await using world = fakeWorld()
    await world.engine.create({ image: 'busybox', name: 'one' })
    await assert.rejects(world.engine.create({ image: 'busybox', name: 'one' }), refusal('NAME_TAKEN'))
    await assert.rejects(world.engine.create({ image: 'busybox', name: '-x' }), refusal('NAME_INVALID'))
    await assert.rejects(world.engine.create({ image: 'nothing', name: 'two' }), refusal('IMAGE_UNKNOWN'))
    await world.engine.create({ image: 'busybox', name: 'two' })
    assert.equal(world.engine.list({ all: true }).length, 2)
    assert.equal(world.ledger.owners('container').length, 2)
  })

  test('refuses what the host cannot give and what no run could obey', async () => {
    await using world = fakeWorld()
    for (const request of [
      { security: { apparmor: 'x' } },
      { resources: { cpus: 100_000 } },
      { resources: { cpus: 0.001 } },
      { stopSignal: 'NOPE' },
    ])
      await assert.rejects(world.engine.create({ image: 'busybox', ...request }), refusal('SPEC_INVALID'))
    await world.engine.create({ image: 'busybox', security: { apparmor: 'unconfined' } })
    assert.equal(world.ledger.owners('container').length, 1)
  })

  test('gives one name to one of two at once', async () => {
    await using world = fakeWorld()
    const both = await Promise.allSettled([1, 2].map(() => world.engine.create({ image: 'busybox', name: 'same' })))
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  })
})

describe('lookup', () => {
  test('finds by id, name, slash name and prefix, and refuses what is not unique', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create({ image: 'busybox', name: 'one' })
    for (const text of [id, id.slice(0, 12), id.slice(0, 6), 'one', '/one'])
      assert.equal(world.engine.inspect(text).id, id)
    assert.throws(() => world.engine.inspect('nothing'), refusal('CONTAINER_UNKNOWN'))
    for (let count = 0; count < 17; count++) await world.engine.create({ image: 'busybox' })
    const firsts = world.engine.list({ all: true }).map((each) => each.id[0] as string)
    const twice = firsts.find((first, index) => firsts.indexOf(first) !== index) as string
    assert.throws(() => world.engine.inspect(twice), refusal('CONTAINER_AMBIGUOUS'))
  })
})

describe('start', () => {
  test('runs the command and notes its exit code', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create({ image: 'busybox', command: ['sh', '-c', 'exit 3'] })
    const { result } = world.engine.wait(id, 'next-exit')
    assert.equal(await world.engine.start(id), true)
    assert.deepEqual(await result, { exitCode: 3 })
    const { status, progress } = world.engine.inspect(id)
    assert.deepEqual([status, progress.exitCode, progress.pid, progress.run], ['exited', 3, 0, 1])
    assert.deepEqual(world.networks.connected, [])
  })

  test('says false for one that runs', async () => {
    await using world = fakeWorld()
    const id = await run(world, 'sleep', '9')
    assert.equal(await world.engine.start(id), false)
    await world.engine.remove(id, { force: true })
  })

  test('loses no first byte of an attach that came before', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create({ image: 'busybox', command: ['sh', '-c', 'echo out; echo err >&2'] })
    const all = await world.engine.attach(id)
    const some = await world.engine.attach(id, { stdout: false })
    await world.engine.start(id)
    assert.deepEqual(await Promise.all([textOf(all.output), textOf(some.output)]), ['out\n!err\n', '!err\n'])
  })

  test('passes input that was written before', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create({ image: 'busybox', command: ['cat'], stdin: true, stdinOnce: true })
    const stream = await world.engine.attach(id, { stdin: true })
    const written = stream.write(Buffer.from('hello'))
    stream.end()
    await world.engine.start(id)
    assert.equal(await textOf(stream.output), 'hello')
    await written
  })

  test('a command that is missing is 127, and everything is undone', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create({ image: 'busybox', command: ['no-such-program'] })
    const stream = await world.engine.attach(id)
    await assert.rejects(world.engine.start(id), (error: unknown) => {
      assert.ok(refusal('COMMAND_NOT_FOUND')(error))
      assert.match(String(error), /executable file not found/)
      return true
    })
    const { status, progress } = world.engine.inspect(id)
    assert.deepEqual([status, progress.exitCode], ['created', 127])
    assert.equal(await textOf(stream.output), '')
    assert.deepEqual(world.networks.connected, [])
    assert.deepEqual(world.runtime.ids, [])
  })

  test('with auto-remove, a start that fails removes the container and tells who waits', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create({ image: 'busybox', command: ['no-such-program'], autoRemove: true })
    const { result } = world.engine.wait(id, 'removed')
    await assert.rejects(world.engine.start(id), refusal('COMMAND_NOT_FOUND'))
    assert.deepEqual(await result, { exitCode: 127 })
    assert.throws(() => world.engine.inspect(id), refusal('CONTAINER_UNKNOWN'))
    assert.deepEqual(world.ledger.owners('container'), [])
  })

  test('a failure of the runtime after the network was connected leaves no network', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create({ image: 'busybox', command: ['true'] })
    world.runtime.failNext('start', new Error('kernel said no'))
    await assert.rejects(world.engine.start(id), refusal('START_FAILED'))
    assert.deepEqual([world.networks.connected, world.runtime.ids], [[], []])
    assert.equal(await world.engine.start(id), true)
  })

  test('an end that cannot be finished holds nobody up, and is tried again by who removes it', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create({ image: 'busybox', command: ['sleep', '9'] })
    await world.engine.start(id)
    const { result } = world.engine.wait(id, 'next-exit')
    world.runtime.failNext('delete', new Error('it is busy'))
    await world.engine.kill(id)
    assert.deepEqual(await result, { exitCode: 137 })
    await new Promise(setImmediate)
    assert.match(world.logged.join(), /Cannot finish the run .*it is busy/)
    world.runtime.failNext('delete', new Error('it is still busy'))
    await assert.rejects(world.engine.remove(id, { force: true }), /it is still busy/)
    world.runtime.failNext('delete', new Error('and busy'))
    await assert.rejects(world.engine.stop(id), /and busy/)
    await world.engine.remove(id, { force: true })
    assert.deepEqual([world.networks.connected, world.runtime.ids, world.ledger.owners('container')], [[], [], []])
  })

  test('a port that is taken is refused with the text of the network', async () => {
    await using world = fakeWorld()
    const ports = [{ containerPort: 80, hostPort: 8080, protocol: 'tcp' }] as const
    const one = await world.engine.create({ image: 'busybox', command: ['sleep', '9'], ports })
    const two = await world.engine.create({ image: 'busybox', command: ['sleep', '9'], ports })
    await world.engine.start(one.id)
    await assert.rejects(world.engine.start(two.id), /port 8080/)
    await world.engine.remove(one.id, { force: true })
    await world.engine.start(two.id)
    await world.engine.remove(two.id, { force: true })
  })

  test('writes hosts, hostname and the user of the image', async () => {
    await using world = fakeWorld({ images: { app: { Cmd: ['sleep', '9'], User: 'user' } } })
    const { id } = await world.engine.create({ image: 'app', hostname: 'web', extraHosts: ['db:10.0.0.9'] })
    await world.engine.start(id)
    const directory = join(world.site.root, 'containers', id)
    assert.match(readFileSync(join(directory, 'hosts'), 'utf8'), /10\.0\.0\.9\tdb\n10\.88\.0\.2\tweb/)
    assert.equal(readFileSync(join(directory, 'hostname'), 'utf8'), 'web\n')
    const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as {
      process: { user: object; env: string[] }
    }
    assert.deepEqual(config.process.user, { uid: 1000, gid: 1000, additionalGids: [1000, 10] })
    assert.ok(config.process.env.includes('HOME=/home/user'))
    await world.engine.remove(id, { force: true })
    assert.equal(existsSync(directory), false)
  })
})

describe('stop and kill', () => {
  test('stop sends the stop signal, and kills after the grace', async () => {
    await using world = fakeWorld()
    const id = await run(world, 'sh', '-c', 'trap; sleep 9')
    const stopping = world.engine.stop(id, { timeout: 5 })
    await world.clock.advance(4999)
    assert.deepEqual(
      world.runtime.signals.map(({ signal }) => signal),
      [15],
    )
    await world.clock.advance(1)
    assert.equal(await stopping, true)
    assert.deepEqual(
      world.runtime.signals.map(({ signal }) => signal),
      [15, 9],
    )
    assert.equal(world.engine.inspect(id).progress.exitCode, 137)
    assert.equal(await world.engine.stop(id), false)
    assert.equal(world.clock.sleeping, 0)
  })

  test('stop of one that goes by itself does not wait', async () => {
    await using world = fakeWorld()
    const id = await run(world, 'sleep', '9')
    assert.equal(await world.engine.stop(id), true)
    assert.equal(world.engine.inspect(id).progress.exitCode, 143)
  })

  test('kill refuses what does not run and signals that do not exist', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create({ image: 'busybox', command: ['true'] })
    await assert.rejects(world.engine.kill(id), refusal('CONTAINER_NOT_RUNNING'))
    await assert.rejects(world.engine.kill(id, 'SIGNOTHING'), refusal('SPEC_INVALID'))
  })
})

describe('the specification of a run', () => {
  interface Config {
    readonly process: { readonly user: { readonly additionalGids: readonly number[] } }
    readonly linux: {
      readonly seccomp?: object
      readonly sysctl?: object
      readonly namespaces: readonly { type: string }[]
    }
  }
  const configOf = async (world: FakeWorld, request: Partial<CreateRequest>): Promise<Config> => {
    const { id } = await world.engine.create({ image: 'busybox', command: ['sleep', '9'], ...request })
    await world.engine.start(id)
    return JSON.parse(readFileSync(join(world.site.root, 'containers', id, 'config.json'), 'utf8')) as Config
  }

  test('has a seccomp filter, but not where it is privileged', async () => {
    await using world = fakeWorld()
    assert.notEqual((await configOf(world, {})).linux.seccomp, undefined)
    assert.equal((await configOf(world, { security: { privileged: true } })).linux.seccomp, undefined)
  })

  test("sets nothing in the host's network that it shares through another container", async () => {
    await using world = fakeWorld()
    await configOf(world, { name: 'one', network: { kind: 'host' } })
    const { linux } = await configOf(world, { network: { kind: 'container', container: 'one' } })
    assert.ok(!linux.namespaces.some(({ type }) => type === 'network'))
    assert.deepEqual(linux.sysctl ?? {}, {})
  })

  test('looks groups up in the image', async () => {
    await using world = fakeWorld()
    const { process } = await configOf(world, { security: { groupAdd: ['wheel', '77'] } })
    assert.ok(process.user.additionalGids.includes(10) && process.user.additionalGids.includes(77))
    await assert.rejects(configOf(world, { security: { groupAdd: ['nobody-knows'] } }), /unable to find group/)
  })
})

describe('remove', () => {
  test('refuses a running container and takes it with force', async () => {
    await using world = fakeWorld()
    const id = await run(world, 'sleep', '9')
    await assert.rejects(world.engine.remove(id), refusal('CONTAINER_RUNNING'))
    const { result } = world.engine.wait(id, 'removed')
    await world.engine.remove(id, { force: true })
    assert.deepEqual(await result, { exitCode: 137 })
    assert.deepEqual([world.snapshots.keys, world.runtime.ids, world.ledger.owners('container')], [[], [], []])
    await assert.rejects(world.engine.remove(id), refusal('CONTAINER_UNKNOWN'))
  })

  test('auto-remove removes before the wait for removal ends, with anonymous volumes', async () => {
    await using world = fakeWorld({ images: { app: { Cmd: ['sh', '-c', 'exit 4'], Volumes: { '/data': {} } } } })
    const { id, spec } = await world.engine.create({
      image: 'app',
      autoRemove: true,
      mounts: [{ type: 'volume', name: 'kept', target: '/kept', readonly: false, copyUp: true }],
    })
    assert.equal(spec.mounts.length, 2)
    const { result } = world.engine.wait(id, 'removed')
    await world.engine.start(id)
    assert.deepEqual(await result, { exitCode: 4 })
    assert.throws(() => world.engine.inspect(id), refusal('CONTAINER_UNKNOWN'))
    assert.deepEqual(
      world.engine.listVolumes().map(({ name }) => name),
      ['kept'],
    )
  })

  test('a restart does not remove what goes with its process, a later end does', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create({ image: 'busybox', command: ['sleep', '9'], autoRemove: true })
    await world.engine.start(id)
    const { result } = world.engine.wait(id, 'removed')
    await Promise.all([1, 2].map(() => world.engine.restart(id, { timeout: 0 })))
    const { status, progress } = world.engine.inspect(id)
    assert.equal(status, 'running')
    assert.ok(progress.run > 1)
    await assert.rejects(world.engine.restart(id, { signal: 'NOPE' }), refusal('SPEC_INVALID'))
    await world.engine.kill(id)
    assert.deepEqual(await result, { exitCode: 137 })
    assert.throws(() => world.engine.inspect(id), refusal('CONTAINER_UNKNOWN'))
  })

  test('a volume in use is refused', async () => {
    await using world = fakeWorld()
    await world.engine.create({
      image: 'busybox',
      name: 'one',
      mounts: [{ type: 'volume', name: 'data', target: '/data', readonly: false, copyUp: true }],
    })
    assert.throws(() => world.engine.removeVolume('data'), refusal('VOLUME_IN_USE'))
    await world.engine.remove('one')
    world.engine.removeVolume('data')
    assert.throws(() => world.engine.inspectVolume('data'), refusal('VOLUME_UNKNOWN'))
  })
})

describe('the rest of a life', () => {
  test('pause and unpause follow the table', async () => {
    await using world = fakeWorld()
    const id = await run(world, 'sleep', '9')
    await assert.rejects(world.engine.unpause(id), refusal('CONTAINER_NOT_PAUSED'))
    await world.engine.pause(id)
    await assert.rejects(world.engine.pause(id), refusal('CONTAINER_PAUSED'))
    await assert.rejects(world.engine.start(id), refusal('CONTAINER_PAUSED'))
    assert.throws(() => world.engine.createExec(id, { args: ['true'] }), refusal('CONTAINER_PAUSED'))
    await world.engine.unpause(id)
    await world.engine.remove(id, { force: true })
  })

  test('wait for the next exit is not answered by the last one', async () => {
    await using world = fakeWorld()
    const id = await run(world, 'sh', '-c', 'exit 5')
    assert.deepEqual(await world.engine.wait(id, 'not-running').result, { exitCode: 5 })
    const { result } = world.engine.wait(id, 'next-exit')
    const early = await Promise.race([result, new Promise((resolve) => setTimeout(resolve, 20, 'waits'))])
    assert.equal(early, 'waits')
    await world.engine.start(id)
    assert.deepEqual(await result, { exitCode: 5 })
  })

  test('logs follow to the end of the container', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create({ image: 'busybox', command: ['cat'], stdin: true })
    const stream = await world.engine.attach(id, { stdin: true })
    await world.engine.start(id)
    const lines: string[] = []
    const following = (async () => {
      for await (const entries of world.engine.logs(id, { follow: true }))
        lines.push(...entries.map(({ line }) => Buffer.from(line).toString()))
    })()
    await stream.write(Buffer.from('one\ntwo\n'))
    stream.end()
    await following
    assert.deepEqual(lines, ['one', 'two'])
  })

  test('exec runs beside, and its exit code is there when the output ends', async () => {
    await using world = fakeWorld()
    const id = await run(world, 'sleep', '9')
    const exec = world.engine.createExec(id, { args: ['sh', '-c', 'echo hi; exit 6'] })
    const stream = await world.engine.startExec(exec)
    assert.equal(await textOf(stream.output), 'hi\n')
    const { running, exitCode } = world.engine.inspectExec(exec)
    assert.deepEqual([running, exitCode], [false, 6])
    await assert.rejects(world.engine.startExec(exec), refusal('EXEC_STARTED'))
    await world.clock.advance(5 * 60_000)
    assert.throws(() => world.engine.inspectExec(exec), refusal('EXEC_UNKNOWN'))
    await world.engine.remove(id, { force: true })
  })

  test('a restart policy starts it again, later each time', async () => {
    await using world = fakeWorld()
    const { id } = await world.engine.create({
      image: 'busybox',
      command: ['sh', '-c', 'exit 1'],
      restart: { name: 'on-failure', maximumRetries: 2 },
    })
    const { result } = world.engine.wait(id, 'next-exit')
    await world.engine.start(id)
    await result
    await world.clock.advance(0)
    assert.equal(world.engine.inspect(id).status, 'restarting')
    await world.clock.advance(1000)
    const { status, progress } = world.engine.inspect(id)
    assert.deepEqual([status, progress.restartCount, progress.run], ['exited', 2, 3])
  })

  test('the kernel ending it for memory is told', async () => {
    await using world = fakeWorld()
    const id = await run(world, 'sleep', '9')
    const { result } = world.engine.wait(id, 'next-exit')
    world.runtime.outOfMemory(id)
    assert.deepEqual(await result, { exitCode: 137 })
    assert.equal(world.engine.inspect(id).progress.oomKilled, true)
  })

  test('events tell a life in order, recorded and live', async () => {
    await using world = fakeWorld()
    const id = await run(world, 'sh', '-c', 'exit 2')
    await world.engine.wait(id, 'not-running').result
    await world.engine.remove(id)
    const actions: string[] = []
    for await (const { action, subject } of world.engine.events({ since: 0, until: world.clock.now() })) {
      assert.equal(subject, id)
      actions.push(action)
    }
    assert.deepEqual(actions, ['create', 'start', 'die', 'destroy'])
  })
})

describe('recover', () => {
  test('adopts what runs and finishes what has ended', async () => {
    await using world = fakeWorld()
    const id = await run(world, 'sleep', '9')
    const engine = world.restarted()
    assert.deepEqual(await engine.recover(), { adopted: 1, finished: 0, removed: 0, undone: 0 })
    await engine.kill(id)
    assert.deepEqual(await engine.wait(id, 'not-running').result, { exitCode: 137 })
  })

  test('a container whose traces are gone has ended with 255', async () => {
    await using world = fakeWorld()
    const id = await run(world, 'sleep', '9')
    await (await world.runtime.open(id))?.delete()
    const engine = world.restarted()
    assert.equal((await engine.recover()).finished, 1)
    assert.deepEqual(engine.inspect(id).progress.exitCode, 255)
  })

  test('a container is left alone while the runtime is missing, and taken over once it is back', async () => {
    await using world = fakeWorld()
    const id = await run(world, 'sleep', '9')
    const reopen = world.runtime.reopen.bind(world.runtime)
    let missing = true
    world.runtime.reopen = () => {
      const again = reopen()
      const open = again.open.bind(again)
      again.open = (each) => (missing ? Promise.reject(new Error('runc is not installed')) : open(each))
      return again
    }
    const engine = world.restarted()
    assert.deepEqual(await engine.recover(), { adopted: 0, finished: 0, removed: 0, undone: 0 })
    assert.equal(engine.inspect(id).status, 'running')
    await assert.rejects(engine.stop(id), /runc is not installed/)
    await assert.rejects(engine.remove(id, { force: true }), /runc is not installed/)
    missing = false
    assert.equal(await engine.stop(id, { timeout: 0 }), true)
    assert.equal(engine.inspect(id).status, 'exited')
  })
})
