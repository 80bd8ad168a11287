import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { which } from '@gantry/process'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing() ?? (which('docker') === undefined ? 'needs the docker client' : undefined)

describe('health checks', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
  })
  after(() => daemon[Symbol.asyncDispose]())

  const docker = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await daemon.docker(...args)
    assert.equal(code, 0, `docker ${args.join(' ')}: ${stderr}`)
    return stdout.trimEnd()
  }
  const status = (name: string): Promise<string> => docker('inspect', name, '--format', '{{.State.Health.Status}}')
  const becomes = async (name: string, wanted: string): Promise<void> => {
    for (let turn = 0; (await status(name)) !== wanted; turn++) {
      assert.ok(turn < 200, `${name} is ${await status(name)}, not ${wanted}`)
      await sleep(50)
    }
  }

  test('the stock client sees it become healthy, unhealthy and healthy again, over the death of the daemon', async () => {
    const since = String(Date.now() / 1000)
    await docker(
      'run',
      '-d',
      '--name=checked',
      '--health-cmd=echo looked; test -e /ok',
      '--health-interval=200ms',
      '--health-retries=2',
      'localhost/busybox',
      'sleep',
      '1000',
    )
    assert.match(await docker('ps', '--format', '{{.Status}}'), /\(health: starting\)$/)
    await becomes('checked', 'unhealthy')
    assert.match(await docker('ps', '--filter', 'health=unhealthy', '--format', '{{.Status}}'), /\(unhealthy\)$/)
    await docker('exec', 'checked', 'touch', '/ok')
    await becomes('checked', 'healthy')
    assert.equal(await docker('inspect', 'checked', '--format', '{{(index .State.Health.Log 0).Output}}'), 'looked')
    await daemon.stop('SIGKILL')
    assert.ok(await daemon.start())
    assert.equal(await status('checked'), 'healthy')
    await docker('exec', 'checked', 'rm', '/ok')
    await becomes('checked', 'unhealthy')
    const events = await docker(
      'events',
      `--since=${since}`,
      `--until=${Date.now() / 1000}`,
      '--filter=event=health_status',
      '--format={{.Action}}',
    )
    assert.deepEqual(events.split('\n'), [
      'health_status: unhealthy',
      'health_status: healthy',
      'health_status: unhealthy',
    ])
    await docker('rm', '-f', 'checked')
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('a check that hangs is ended, and an unhealthy container is restarted when that was asked for', async () => {
    const { client } = daemon
    const { Id } = await client.containers.create({
      Image: 'localhost/busybox',
      Cmd: ['sleep', '1000'],
      StopTimeout: 0,
      Healthcheck: { Test: ['CMD', 'sleep', '77'], Interval: 1e8, Timeout: 2e8, Retries: 1, OnFailure: 'restart' },
    })
    await client.containers.start(Id)
    const { State: first } = await client.containers.inspect(Id)
    for (let turn = 0; ; turn++) {
      const { State } = await client.containers.inspect(Id)
      if (State.Pid !== first.Pid && State.Pid > 0) break
      assert.ok(turn < 200, 'it is not restarted')
      await sleep(50)
    }
    const { State } = await client.containers.inspect(Id)
    assert.match(State.Health?.Log[0]?.Output ?? '', /exceeded timeout/)
    await client.containers.remove(Id, { force: true })
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('the check of an image is taken, and can be left out', async () => {
    await docker('create', '--name', 'base', 'localhost/busybox', 'true')
    await docker('commit', '-c', 'HEALTHCHECK --interval=7s --retries=9 CMD ["true"]', 'base', 'localhost/checked:1')
    const config = (name: string): Promise<string> =>
      docker('inspect', name, '--format', '{{with .Config.Healthcheck}}{{.Test}} {{.Interval}} {{.Retries}}{{end}}')
    await docker('create', '--name', 'taken', '--health-retries', '2', 'localhost/checked:1', 'true')
    assert.equal(await config('taken'), '[CMD true] 7s 2')
    await docker('create', '--name', 'bare', '--no-healthcheck', 'localhost/checked:1', 'true')
    assert.equal(await config('bare'), '')
    await docker('rm', 'base', 'taken', 'bare')
    await docker('rmi', 'localhost/checked:1')
  })
})
