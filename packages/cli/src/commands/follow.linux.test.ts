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
})
