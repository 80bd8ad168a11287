import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { ApiError, type ContainerCreateBody } from '@gantry/client'
import { readHost } from '@gantry/linux'
import { which } from '@gantry/process'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

/** A directory with another CRIU than the system's may be named: that of Debian 12 knows no new kernels. */
const further = process.env['GANTRY_TEST_CRIU']
const searchPath = `${further === undefined ? '' : `${further}:`}${process.env['PATH'] ?? ''}`
const checked = realDaemonMissing() === undefined ? await check() : undefined
const missing = realDaemonMissing() ?? (checked === undefined ? 'needs criu' : checked === '' ? undefined : checked)

/** What is wrong with CRIU here: nothing is an empty text; undefined when there is none. */
async function check(): Promise<string | undefined> {
  const path = further === undefined ? which('criu') : join(further, 'criu')
  if (path === undefined) return undefined
  if ((await readHost()).runtime === 'crun') {
    const { stdout } = await promisify(execFile)('crun', ['--version'])
    if (!stdout.includes('+CRIU')) return 'needs a crun that is built with CRIU'
  }
  return promisify(execFile)(path, ['check']).then(
    () => '',
    (error: unknown) => `criu cannot work with this kernel: ${String(error).split('\n')[1] ?? ''}`,
  )
}

/** Counts, a number a line. */
const counting = 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done'

describe('checkpoints', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon({ start: false })
    await daemon.start({ PATH: searchPath })
  })
  after(() => daemon[Symbol.asyncDispose]())

  async function started(name: string, line: string, more: ContainerCreateBody = {}): Promise<string> {
    const body: ContainerCreateBody = { Image: 'localhost/busybox', Cmd: ['sh', '-c', line], ...more }
    const { Id } = await daemon.client.containers.create(body, { name })
    await daemon.client.containers.start(name)
    return Id
  }

  async function lines(name: string): Promise<string[]> {
    let text = ''
    for await (const { data } of await daemon.client.containers.logs(name)) text += Buffer.from(data).toString()
    return text.split('\n').slice(0, -1)
  }

  /** Follows the log until it holds so many lines. */
  async function untilLines(name: string, count: number): Promise<void> {
    const enough = new AbortController()
    let seen = 0
    try {
      for await (const { data } of await daemon.client.containers.logs(name, { follow: true, signal: enough.signal })) {
        seen += Buffer.from(data).toString().split('\n').length - 1
        if (seen >= count) break
      }
    } finally {
      enough.abort()
    }
  }

  const status = async (name: string): Promise<string> => (await daemon.client.containers.inspect(name)).State.Status

  async function refused(work: Promise<unknown>): Promise<string> {
    try {
      await work
    } catch (error) {
      if (error instanceof ApiError) return `${String(error.status)} ${error.message}`
      throw error
    }
    return 'done'
  }

  test('let processes go on where they were, with their ports, after a restart of the daemon', async () => {
    const port = await freePort()
    await started('counter', `echo hello >/index.html; httpd -p 80 -h /; ${counting}`, {
      ExposedPorts: { '80/tcp': {} },
      HostConfig: {
        PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] },
        // It is not started again by itself: the checkpoint is an end that was asked for.
        RestartPolicy: { Name: 'always' },
      },
    })
    await untilLines('counter', 3)
    await daemon.client.checkpoints.create('counter', 'one')
    assert.equal(await status('counter'), 'exited')
    const before = await lines('counter')
    await daemon.stop('SIGKILL')
    await daemon.start({ PATH: searchPath })
    assert.equal(await status('counter'), 'exited')
    assert.deepEqual(await daemon.client.checkpoints.list('counter'), [{ Name: 'one' }])

    await daemon.client.containers.start('counter', { checkpoint: 'one' })
    assert.equal(await status('counter'), 'running')
    await untilLines('counter', before.length + 3)
    const all = await lines('counter')
    assert.deepEqual(
      all,
      all.map((_, index) => String(index + 1)),
    )
    assert.equal(await (await fetch(`http://127.0.0.1:${String(port)}/`)).text(), 'hello\n')

    // A restored one is a container like any other.
    await daemon.stop('SIGKILL')
    await daemon.start({ PATH: searchPath })
    await daemon.client.containers.kill('counter')
    await (
      await daemon.client.containers.wait('counter')
    ).result
    await daemon.client.containers.start('counter', { checkpoint: 'one' })
    await daemon.client.containers.remove('counter', { force: true })
  })

  test('are made of one that is left running, in a place of their own too, and are removed', async () => {
    const { containers, checkpoints } = daemon.client
    const place = mkdtempSync('/tmp/gantry-checkpoints-')
    const id = await started('left', counting, { HostConfig: { NetworkMode: 'none' } })
    await untilLines('left', 2)
    await checkpoints.create('left', 'one', { leaveRunning: true })
    await checkpoints.create('left', 'two', { leaveRunning: true, directory: place })
    assert.equal(await status('left'), 'running')
    assert.deepEqual(await checkpoints.list('left'), [{ Name: 'one' }])
    assert.deepEqual(await checkpoints.list('left', { directory: place }), [{ Name: 'two' }])
    const inside = join(daemon.site.root, 'containers', id, 'checkpoints')
    assert.deepEqual(readdirSync(inside), ['one'])

    assert.match(await refused(checkpoints.create('left', 'one')), /^409 .*already exists/)
    assert.match(await refused(checkpoints.create('left', '../x')), /^400 Invalid checkpoint ID/)
    assert.match(await refused(checkpoints.create('left', 'x', { directory: 'here' })), /^400 .*absolute/)
    assert.match(await refused(checkpoints.remove('left', 'none')), /^404 /)
    await containers.kill('left')
    await (
      await containers.wait('left')
    ).result
    assert.match(await refused(checkpoints.create('left', 'x')), /^409 .*not running/)
    assert.match(await refused(containers.start('left', { checkpoint: 'none' })), /^404 /)

    await containers.start('left', { checkpoint: 'two', checkpointDirectory: place })
    assert.equal(await status('left'), 'running')
    await checkpoints.remove('left', 'one')
    assert.deepEqual(await checkpoints.list('left'), [])
    await containers.remove('left', { force: true })
    assert.ok(existsSync(join(place, 'two')), 'a place of its own belongs to whoever named it')
    rmSync(place, { recursive: true })
  })

  test('let a terminal go on, too', async () => {
    const { containers, checkpoints } = daemon.client
    await started('terminal', counting, { Tty: true })
    await untilLines('terminal', 2)
    await checkpoints.create('terminal', 'one')
    const before = await lines('terminal')
    await containers.start('terminal', { checkpoint: 'one' })
    await untilLines('terminal', before.length + 2)
    assert.equal((await lines('terminal'))[before.length]?.trim(), String(before.length + 1))
    await containers.remove('terminal', { force: true })
  })

  test('that cannot be made or used leave the container as it was, and say why', async () => {
    const { containers, checkpoints } = daemon.client
    const id = await started(
      'talking',
      'sleep 1000 | nc -l -p 7 & until cat /proc/net/tcp* | grep -q ":0007 .* 0A "; do sleep 0.05; done; (echo hi; sleep 1000) | nc 127.0.0.1 7',
    )
    await untilLines('talking', 1)
    assert.match(await refused(checkpoints.create('talking', 'one')), /^500 .*CRIU says: .*TCP/i)
    assert.equal(await status('talking'), 'running')
    assert.deepEqual(readdirSync(join(daemon.site.root, 'containers', id, 'checkpoints')), [])
    await containers.remove('talking', { force: true })

    await started('gone', counting, { HostConfig: { AutoRemove: true } })
    assert.match(await refused(checkpoints.create('gone', 'one')), /^400 .*removed when it ends/)
    await containers.remove('gone', { force: true })

    const damaged = await started('damaged', counting)
    await untilLines('damaged', 1)
    await checkpoints.create('damaged', 'one')
    rmSync(join(daemon.site.root, 'containers', damaged, 'checkpoints/one/core-1.img'))
    assert.match(await refused(containers.start('damaged', { checkpoint: 'one' })), /^500 .*restore/)
    assert.equal(await status('damaged'), 'exited')
    await containers.start('damaged')
    assert.equal(await status('damaged'), 'running')
    await containers.remove('damaged', { force: true })
  })

  const noDocker = which('docker') === undefined ? 'needs docker' : false
  test('are made and used by the stock docker client', { skip: noDocker }, async () => {
    await started('docked', counting)
    await untilLines('docked', 2)
    assert.equal((await daemon.docker('checkpoint', 'create', 'docked', 'one')).stdout, 'one\n')
    assert.match((await daemon.docker('checkpoint', 'ls', 'docked')).stdout, /^CHECKPOINT NAME\none\n$/)
    assert.equal((await daemon.docker('start', '--checkpoint', 'one', 'docked')).code, 0)
    assert.equal(await status('docked'), 'running')
    assert.equal((await daemon.docker('checkpoint', 'rm', 'docked', 'one')).code, 0)
    await daemon.docker('rm', '--force', 'docked')
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
