import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, processStartTime, reservePort } from '@gantry/linux'
import { createRuntime } from './create-runtime.ts'
import { leftovers, linuxWorld, whyNoContainers, type LinuxWorld } from './fixtures/linux-world.ts'
import type { Attachment, ExecTask, OutputChunk, Stdio, Task, TaskExit } from './task.ts'

const skip = whyNoContainers() ?? false
let world: LinuxWorld

async function read(output: AsyncIterable<OutputChunk>): Promise<{ stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' }
  for await (const { stream, data } of output) text[stream] += Buffer.from(data).toString()
  return text
}

type Spec = Parameters<LinuxWorld['create']>[1]

let number = 0
const nextId = (): string => `t${String(number++)}-${process.pid.toString(36)}`

/** Runs to the end and answers with all that came out; the container is removed. */
async function runAll(
  spec: Spec,
  stdio: Partial<Stdio> = {},
  input?: string,
): Promise<TaskExit & { stdout: string; stderr: string }> {
  const task = await world.create(nextId(), spec, stdio)
  const attachment = await task.attach()
  const reading = read(attachment.output)
  await task.start()
  if (input !== undefined) {
    await attachment.write(Buffer.from(input))
    attachment.end()
  }
  const text = await reading
  const exit = await task.wait()
  await end(task)
  return { ...exit, ...text }
}

async function end(task: Task): Promise<void> {
  await task.delete()
  await world.ledger.undo(`container/${task.id}`)
}

async function sleeper(spec: Partial<Spec> = {}, stdio: Partial<Stdio> = {}): Promise<Task> {
  const task = await world.create(nextId(), { args: ['sleep', '1000'], ...spec }, stdio)
  await task.start()
  return task
}

describe('conmon runtime', { skip }, () => {
  before(async () => {
    world = await linuxWorld()
  })
  after(async () => {
    await world.dispose()
    assert.deepEqual(leftovers(world), [])
  })

  test('isolates as Docker does', async () => {
    const { stdout } = await runAll({
      args: [
        'sh',
        '-c',
        'cat /proc/self/status; cat /proc/1/mounts; cat /proc/kcore | wc -c; ls /sys/firmware | wc -l; echo x > /proc/sys/kernel/hostname',
      ],
    })
    assert.match(stdout, /^CapEff:\s00000000a80425fb$/m)
    assert.match(stdout, /^CapBnd:\s00000000a80425fb$/m)
    assert.match(stdout, /^Seccomp:\s2$/m)
    assert.match(stdout, /^NoNewPrivs:\s0$/m)
    assert.match(stdout, /^tmpfs \/proc\/acpi tmpfs ro/m)
    assert.match(stdout, /^proc \/proc\/sys proc ro/m)
    assert.match(stdout, /^sysfs \/sys sysfs ro/m)
    assert.match(stdout, /^0$/m)
    assert.match(stdout, /^mqueue \/dev\/mqueue/m)
  })

  test('gives a privileged container everything that the host has', async () => {
    const { stdout, exitCode } = await runAll({
      args: ['sh', '-c', 'grep -E "Seccomp:|CapBnd" /proc/self/status; mount -t tmpfs x /tmp'],
      privileged: true,
    })
    assert.match(stdout, /Seccomp:\t0/)
    assert.match(
      stdout,
      new RegExp(`CapBnd:\t${/CapBnd:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''}`),
    )
    assert.equal(exitCode, 0)
  })

  test('refuses system calls that the profile does not allow', async () => {
    const { exitCode, stderr } = await runAll({ args: ['mount', '-t', 'tmpfs', 'x', '/tmp'] })
    assert.notEqual(exitCode, 0)
    assert.match(stderr, /permission denied|not permitted/i)
  })

  test('sets no_new_privs, limits, user, directory and a read-only root as asked', async () => {
    const { stdout } = await runAll({
      args: [
        'sh',
        '-c',
        'grep NoNew /proc/self/status; id; pwd; touch /x; cat /sys/fs/cgroup/memory/memory.limit_in_bytes || cat /sys/fs/cgroup/memory.max',
      ],
      noNewPrivileges: true,
      readonlyRootfs: true,
      user: { uid: 1000, gid: 50, additionalGids: [50, 7] },
      cwd: '/tmp',
      limits: { memory: 64 * 1024 * 1024, pids: 50, cpus: 0.5 },
    })
    assert.match(stdout, /NoNewPrivs:\t1/)
    assert.match(stdout, /uid=1000\S* gid=50\S* groups=7/)
    assert.match(stdout, /^\/tmp$/m)
    assert.match(stdout, /^67108864$/m)
  })

  test('runs an init before the command', async (t) => {
    const init = world.host.tools.catatonit
    if (init === undefined) return t.skip('needs catatonit')
    const { stdout } = await runAll({ args: ['sh', '-c', 'cat /proc/1/comm; echo $$'], init })
    assert.match(stdout, /^(catatonit|docker-init)\n[2-9]/)
  })

  for (const [args, exitCode] of [
    [['true'], 0],
    [['sh', '-c', 'exit 42'], 42],
    [['sh', '-c', 'kill -9 $$; sleep 1'], 137],
  ] as const) {
    test(`tells exit code ${String(exitCode)} of ${args.join(' ')}`, async () => {
      // The first process of a namespace ignores a signal from inside that it has no handler for: a child does not.
      const wrapped = exitCode === 137 ? ['sh', '-c', "sh -c 'kill -9 $$'; exit $?"] : [...args]
      assert.equal((await runAll({ args: wrapped })).exitCode, exitCode)
    })
  }

  for (const [args, cwd, code] of [
    [['nope'], '/', 'COMMAND_NOT_FOUND'],
    [['/bin/nope'], '/', 'COMMAND_NOT_FOUND'],
    [['/etc/passwd'], '/', 'COMMAND_NOT_EXECUTABLE'],
    [['/etc'], '/', 'COMMAND_NOT_EXECUTABLE'],
    [['true'], '/etc/passwd', 'WORKING_DIRECTORY_INVALID'],
  ] as const) {
    test(`refuses ${args.join(' ')} in ${cwd} with ${code} and leaves nothing`, async () => {
      const id = nextId()
      await assert.rejects(world.create(id, { args: [...args], cwd }), { code })
      assert.deepEqual(
        world.ledger.history(`container/${id}`).filter(({ state }) => state === 'done'),
        [],
      )
      assert.deepEqual(leftovers(world), [])
    })
  }

  test('refuses a mount whose source is missing', async () => {
    const mounts = [{ destination: '/x', type: 'bind', source: '/nope-nope', options: ['rbind'] }]
    await assert.rejects(world.create(nextId(), { args: ['true'], mounts }), { code: 'MOUNT_FAILED' })
  })

  test('never loses the first byte', async () => {
    for (let round = 0; round < 5; round++) assert.equal((await runAll({ args: ['echo', 'first'] })).stdout, 'first\n')
  })

  test('keeps the streams apart, in the log too', async () => {
    const id = nextId()
    const task = await world.create(id, { args: ['sh', '-c', 'echo out; echo err >&2'] })
    await task.start()
    await task.wait()
    assert.match(world.log(id), /stdout F out\n/)
    assert.match(world.log(id), /stderr F err\n/)
    await end(task)
  })

  test('passes input on, and its end', async () => {
    const input = `${'0123456789abcdef'.repeat(8192)}\n`
    const { stdout, exitCode } = await runAll({ args: ['wc', '-c'] }, { stdin: true, stdinOnce: true }, input)
    assert.deepEqual([stdout.trim(), exitCode], [String(input.length), 0])
  })

  test('an observer that goes does not end the input of another', async () => {
    const task = await world.create(nextId(), { args: ['cat'] }, { stdin: true, stdinOnce: true })
    const giver = await task.attach()
    const observer = await task.attach({ stdin: false })
    const reading = read(giver.output)
    await task.start()
    observer.close()
    await sleep(30)
    await giver.write(Buffer.from('still here\n'))
    giver.end()
    assert.equal((await reading).stdout, 'still here\n')
    await end(task)
  })

  test('an input that stays open serves one client after another', async () => {
    const task = await world.create(
      nextId(),
      { args: ['sh', '-c', 'read a; read b; echo $a $b'] },
      { stdin: true, stdinOnce: false },
    )
    const first = await task.attach()
    await task.start()
    await first.write(Buffer.from('one\n'))
    first.end()
    first.close()
    const second = await task.attach()
    const reading = read(second.output)
    await second.write(Buffer.from('two\n'))
    assert.equal((await reading).stdout, 'one two\n')
    await end(task)
  })

  test('gives a terminal of the asked size', async () => {
    const task = await world.create(
      nextId(),
      { args: ['sh', '-c', 'read x; stty size; tty'] },
      { terminal: true, stdin: true },
    )
    const attachment = await task.attach()
    const reading = read(attachment.output)
    await task.start()
    await task.resize(33, 111)
    await sleep(50)
    await attachment.write(Buffer.from('\n'))
    assert.match((await reading).stdout, /33 111\r\n\/dev\/(pts\/0|console)/)
    await end(task)
  })

  test('kills, and tells 137', async () => {
    const task = await sleeper()
    await task.kill('SIGKILL')
    assert.equal((await task.wait()).exitCode, 137)
    await assert.rejects(task.kill('SIGTERM'), { code: 'NOT_RUNNING' })
    await end(task)
  })

  test('pauses and resumes', async () => {
    const task = await world.create(nextId(), { args: ['sh', '-c', 'while true; do echo tick; sleep 0.01; done'] })
    await task.start()
    await sleep(50)
    await task.pause()
    const before = world.log(task.id).length
    await sleep(60)
    assert.equal(world.log(task.id).length, before)
    await task.resume()
    await sleep(60)
    assert.ok(world.log(task.id).length > before)
    await end(task)
  })

  test('a paused container can be removed', async () => {
    const task = await sleeper()
    await task.pause()
    await end(task)
    assert.equal(processStartTime(task.pid), undefined)
  })

  test('counts what is used', async () => {
    const task = await sleeper({ limits: { memory: 50 * 1024 * 1024, pids: 20 } })
    // The program has not begun for a moment after start: until then it is the runtime's own first process.
    while ((await task.stats()).pids.current > 1) await sleep(5)
    const stats = await task.stats()
    assert.ok(stats.cpu.total > 0 && stats.cpu.host > stats.cpu.total && stats.cpu.online > 0)
    assert.ok(stats.memory.usage > 0)
    assert.equal(stats.memory.limit, 50 * 1024 * 1024)
    assert.deepEqual([stats.pids.current, stats.pids.limit], [1, 20])
    assert.deepEqual(await task.pids(), [task.pid])
    await task.update({ memory: { limit: 60 * 1024 * 1024 } })
    assert.equal((await task.stats()).memory.limit, 60 * 1024 * 1024)
    await end(task)
  })

  test('tells a lack of memory', async () => {
    const task = await world.create(nextId(), {
      args: ['sh', '-c', 'x=a; while true; do x=$x$x; done'],
      limits: { memory: 8 * 1024 * 1024 },
    })
    await task.start()
    const exit = await task.wait()
    assert.equal(exit.oomKilled, true)
    assert.equal(exit.exitCode, 137)
    await end(task)
  })

  describe('exec', () => {
    let task: Task
    before(async () => {
      task = await sleeper()
    })
    after(() => end(task))

    const run = async (
      args: string[],
      options: { terminal?: boolean; stdin?: boolean; env?: string[]; cwd?: string; uid?: number } = {},
    ): Promise<ExecTask> =>
      task.exec(
        {
          args,
          env: ['PATH=/bin', ...(options.env ?? [])],
          cwd: options.cwd ?? '/',
          user: { uid: options.uid ?? 0, gid: 0 },
        },
        { terminal: options.terminal ?? false, stdin: options.stdin ?? false },
      )

    test('tells output and exit code, the code first', async () => {
      const exec = await run(['sh', '-c', 'echo out; echo err >&2; exit 3'])
      let code: number | undefined
      void exec.wait().then(({ exitCode }) => (code = exitCode))
      const text = await read(exec.output)
      assert.deepEqual([text, code], [{ stdout: 'out\n', stderr: 'err\n' }, 3])
    })

    test('has environment, directory and user', async () => {
      const exec = await run(['sh', '-c', 'echo $A; pwd; id -u'], { env: ['A=b'], cwd: '/tmp', uid: 1000 })
      assert.equal((await read(exec.output)).stdout, 'b\n/tmp\n1000\n')
    })

    test('takes input to its end', async () => {
      const exec = await run(['wc', '-c'], { stdin: true })
      await exec.write(Buffer.alloc(100_000, 'x'))
      exec.end()
      assert.equal((await read(exec.output)).stdout.trim(), '100000')
    })

    test('has a terminal', async () => {
      const exec = await run(['sh', '-c', 'read x; stty size'], { terminal: true, stdin: true })
      await exec.resize(20, 70)
      await sleep(50)
      await exec.write(Buffer.from('\n'))
      assert.match((await read(exec.output)).stdout, /20 70/)
      assert.deepEqual(await exec.wait(), { exitCode: 0 })
    })

    test('never loses what a quick program writes', async () => {
      for (let round = 0; round < 4; round++) {
        const exec = await run(['echo', 'quick'])
        assert.equal((await read(exec.output)).stdout, 'quick\n')
        assert.equal((await exec.wait()).exitCode, 0)
      }
    })

    test('refuses what is not there', async () => {
      await assert.rejects(run(['nope']), { code: 'COMMAND_NOT_FOUND' })
      await assert.rejects(run(['/etc/passwd']), { code: 'COMMAND_NOT_EXECUTABLE' })
    })

    test('is killed alone', async () => {
      const exec = await run(['sleep', '100'])
      await exec.kill('SIGKILL')
      assert.equal((await exec.wait()).exitCode, 137)
      assert.equal(processStartTime(task.pid) !== undefined, true)
    })
  })

  test('is found again after the daemon has gone, and its end is told', async () => {
    const task = await sleeper()
    const other = world.reopen()
    const again = await other.open(task.id)
    assert.equal(again?.pid, task.pid)
    const waiting = again.wait()
    const exec = await again.exec(
      { args: ['echo', 'hi'], env: ['PATH=/bin'], cwd: '/', user: { uid: 0, gid: 0 } },
      { terminal: false, stdin: false },
    )
    assert.equal((await read(exec.output)).stdout, 'hi\n')
    await again.kill('SIGKILL')
    assert.equal((await waiting).exitCode, 137)
    // One more, that comes when all is over.
    assert.equal((await (await world.reopen().open(task.id))?.wait())?.exitCode, 137)
    assert.equal(await other.open('unknown'), undefined)
    other.close()
    await end(task)
    assert.equal(await world.runtime.open(task.id), undefined)
  })

  for (const reopened of [false, true]) {
    test(`a killed monitor is noticed ${reopened ? 'after a restart' : 'at once'}, and the container ended`, async () => {
      const made = await sleeper()
      const task = reopened ? await world.reopen().open(made.id) : made
      const waiting = task?.wait()
      const monitor = Number(readFileSync(`${world.site.run}/tasks/${made.id}/conmon.pid`, 'utf8'))
      process.kill(monitor, 'SIGKILL')
      const exit = await waiting
      assert.deepEqual([exit?.exitCode, exit?.monitorLost], [137, true])
      assert.equal(processStartTime(made.pid), undefined)
      await end(made)
    })
  }

  test('the monitor is a child of process 1', async () => {
    const task = await sleeper()
    const monitor = Number(readFileSync(`${world.site.run}/tasks/${task.id}/conmon.pid`, 'utf8'))
    assert.match(readFileSync(`/proc/${String(monitor)}/status`, 'utf8'), /^PPid:\t1$/m)
    await end(task)
  })

  test('a client that reads nothing holds the container back only for a while', async () => {
    const task = await world.create(nextId(), { args: ['sh', '-c', 'yes | head -c 4000000; exit 5'] })
    const slow: Attachment = await task.attach({ stdin: false, stallLimit: 100 })
    await task.start()
    assert.equal((await task.wait()).exitCode, 5)
    await assert.rejects(read(slow.output), { code: 'ATTACH_OVERFLOW' })
    await end(task)
  })

  test('keeps a reserved port taken as long as the container lives', async () => {
    const reserved = reservePort('127.0.0.1', 0, 'tcp')
    const task = await sleeper({}, { preserveFds: [reserved.fd] })
    reserved[Symbol.dispose]()
    assert.throws(() => reservePort('127.0.0.1', reserved.port, 'tcp'), { code: 'EADDRINUSE' })
    await task.kill('SIGKILL')
    await task.wait()
    reservePort('127.0.0.1', reserved.port, 'tcp')[Symbol.dispose]()
    await end(task)
  })

  test('delete ends a living container and is idempotent; undo alone does it too', async () => {
    const first = await sleeper()
    const identity = { pid: first.pid, startTime: processStartTime(first.pid) ?? '' }
    await end(first)
    assert.equal(isAlive(identity), false)
    await first.delete()
    const second = await sleeper()
    await world.ledger.undo(`container/${second.id}`)
    assert.equal(processStartTime(second.pid), undefined)
    assert.deepEqual(leftovers(world), [])
  })

  describe('runOnce', () => {
    const once = (args: string[], options: Parameters<LinuxWorld['runtime']['runOnce']>[1] = {}): Promise<TaskExit> =>
      world.runtime.runOnce(world.bundle(nextId(), { args }), options)

    test('streams output and tells the exit code', async () => {
      const text = { stdout: '', stderr: '' }
      const exit = await once(['sh', '-c', 'echo out; echo err >&2; exit 9'], {
        onOutput: ({ stream, data }) => {
          text[stream] += Buffer.from(data).toString()
        },
      })
      assert.deepEqual([exit.exitCode, text], [9, { stdout: 'out\n', stderr: 'err\n' }])
    })

    test('takes input', async () => {
      let out = ''
      await once(['cat'], {
        stdin: Buffer.from('given'),
        onOutput: ({ data }) => {
          out += Buffer.from(data).toString()
        },
      })
      assert.equal(out, 'given')
    })

    for (const owner of [undefined, 'build/x']) {
      test(`leaves nothing when it is aborted${owner === undefined ? '' : ', with an owner'}`, async () => {
        const controller = new AbortController()
        setTimeout(() => {
          controller.abort()
        }, 150)
        const options = { signal: controller.signal, ...(owner === undefined ? {} : { owner }) }
        await assert.rejects(once(['sleep', '100'], options), { code: 'ABORTED' })
        if (owner !== undefined) await world.ledger.undo(owner)
        assert.deepEqual(leftovers(world), [])
      })
    }

    test('leaves no group of a runtime that was killed before it noted what it made', async () => {
      // Makes the group as a runtime does first of all, and then nothing more.
      const groups = world.host.cgroup.hierarchies.map((path) => join(path, world.site.instance, 'half-made'))
      if (world.host.cgroup.unified !== undefined)
        groups.push(join(world.host.cgroup.unified, world.site.instance, 'half-made'))
      const path = join(world.base, 'half-a-runtime')
      const made = join(world.base, 'made')
      writeFileSync(path, `#!/bin/sh\nmkdir -p ${groups.join(' ')}\n: >${made}\nexec sleep 100\n`, { mode: 0o755 })
      const { site, host, ledger } = world
      const runtime = createRuntime({ site, host, ledger, program: { name: 'runc', path } })
      const controller = new AbortController()
      const bundle = world.bundle('half-made', { args: ['true'] })
      const running = assert.rejects(runtime.runOnce(bundle, { signal: controller.signal }), { code: 'ABORTED' })
      while (!existsSync(made)) await sleep(5)
      controller.abort()
      await running
      assert.deepEqual(leftovers(world), [])
      assert.deepEqual(ledger.owners('once'), [])
    })

    test('refuses a command that is not there', async () => {
      await assert.rejects(once(['nope']), { code: 'COMMAND_NOT_FOUND' })
      assert.deepEqual(leftovers(world), [])
    })
  })
})
