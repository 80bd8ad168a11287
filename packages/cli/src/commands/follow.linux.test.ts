import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { after, before, describe, test } from 'node:test'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const launcher = fileURLToPath(new URL('../../../../gantry', import.meta.url))
const counting = 'i=0; while [ $i -lt 400 ]; do echo $i; echo $i; i=$((i+1)); sleep 0.01; done'
const expected = Array.from({ length: 400 }, (_, index) => `${String(index)}\n${String(index)}\n`).join('')

describe('who follows', { skip: realDaemonMissing() ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
  })
  after(() => daemon[Symbol.asyncDispose]())

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    for (const terminal of [false, true]) {
      test(`a log${terminal ? ' of a terminal' : ''} goes on with the next daemon after ${signal}, nothing lost or repeated`, async () => {
        const { Id } = await daemon.client.containers.create({
          Image: 'localhost/busybox',
          Cmd: ['sh', '-c', counting],
          Tty: terminal,
          HostConfig: { NetworkMode: 'none' },
        })
        await daemon.client.containers.start(Id)
        const follower = spawn(launcher, ['logs', '-f', Id], {
          env: { ...process.env, GANTRY_ROOT: daemon.site.root },
          stdio: ['ignore', 'pipe', 'pipe'],
          timeout: 60_000,
        })
        let output = ''
        let waits = false
        let complaint = ''
        follower.stdout.on('data', (data: Buffer) => (output += data.toString()))
        follower.stderr.on('data', (data: Buffer) => {
          complaint += data.toString()
          waits = true
        })
        const closed = once(follower, 'close')
        let ended = false
        void closed.then(() => (ended = true))
        while (!output.replaceAll('\r', '').includes('20\n'))
          await Promise.race([once(follower.stdout, 'data'), closed])
        await daemon.stop(signal)
        while (!waits && !ended) await Promise.race([once(follower.stderr, 'data'), closed])
        assert.ok(await daemon.start())
        assert.equal((await closed)[0], 0, complaint)
        assert.equal(output.replaceAll('\r', ''), expected)
        await daemon.client.containers.remove(Id, { force: true })
      })
    }
  }

  test('events go on with the next daemon, nothing lost or repeated', async () => {
    const watcher = spawn(launcher, ['events', '--format', '{{.Action}} {{.Actor.Attributes.name}}'], {
      env: { ...process.env, GANTRY_ROOT: daemon.site.root },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    })
    let output = ''
    let waits = false
    watcher.stdout.on('data', (data: Buffer) => (output += data.toString()))
    watcher.stderr.on('data', () => (waits = true))
    const closed = once(watcher, 'close')
    const create = (name: string): Promise<unknown> =>
      daemon.client.containers.create({ Image: 'localhost/busybox', Cmd: ['true'] }, { name })
    // The first may come before the command listens.
    for (let index = 0; !output.includes('create early'); index++) {
      await create(`early${String(index)}`)
      await Promise.race([once(watcher.stdout, 'data'), new Promise((resolve) => setTimeout(resolve, 300))])
    }
    await create('before')
    while (!output.includes('before')) await once(watcher.stdout, 'data')
    await daemon.stop('SIGKILL')
    while (!waits) await once(watcher.stderr, 'data')
    assert.ok(await daemon.start())
    await create('after')
    while (!output.includes('create after')) await once(watcher.stdout, 'data')
    const lines = output.trimEnd().split('\n')
    assert.equal(new Set(lines).size, lines.length, output)
    watcher.kill('SIGINT')
    await closed
  })
})
