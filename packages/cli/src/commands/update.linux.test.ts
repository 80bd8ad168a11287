import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { which } from '@gantry/process'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'
import { gantry } from '../testing/scripted-daemon.ts'

const missing = realDaemonMissing()

describe('updates of containers', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
  })
  after(() => daemon[Symbol.asyncDispose]())

  const run = async (...args: string[]): Promise<{ out: string; err: string }> => {
    const { code, stdout, stderr } = await gantry(args, { env: { GANTRY_ROOT: daemon.site.root } })
    assert.equal(code, 0, `gantry ${args.join(' ')}: ${stderr}`)
    return { out: stdout.trimEnd(), err: stderr }
  }
  const inside = async (command: string): Promise<string> => (await run('exec', 'box', 'sh', '-c', command)).out
  const limit = (...files: string[]): Promise<string> => inside(`cat ${files.join(' ')} 2>/dev/null; true`)
  const memory = (): Promise<string> =>
    limit('/sys/fs/cgroup/memory/memory.limit_in_bytes', '/sys/fs/cgroup/memory.max')
  const pids = (): Promise<string> => limit('/sys/fs/cgroup/pids/pids.max', '/sys/fs/cgroup/pids.max')

  test('limits change while it runs, and hold at the next start', async () => {
    await run('run', '-d', '--name', 'box', '-m', '64m', '--pids-limit', '50', 'localhost/busybox', 'sleep', '1000')
    const { err } = await run('update', '-m', '96m', '--pids-limit', '70', '--restart', 'on-failure:2', 'box')
    assert.equal(err, '')
    for (let turn = 0; turn < 2; turn++) {
      assert.deepEqual([await memory(), await pids()], [String(96 << 20), '70'])
      if (turn === 0) await run('restart', '-t', '0', 'box')
    }
    await run('update', '-m', '48m', '--pids-limit', '-1', 'box')
    assert.deepEqual([await memory(), await pids()], [String(48 << 20), 'max'])
    assert.equal((await run('inspect', 'box', '--format', '{{.HostConfig.Memory}}')).out, String(48 << 20))
    assert.equal((await run('inspect', 'box', '--format', '{{.HostConfig.RestartPolicy.Name}}')).out, 'on-failure')
  })

  test(
    'the stock client updates limits and is refused what is not there',
    { skip: which('docker') === undefined },
    async () => {
      const { code, stderr } = await daemon.docker('update', '--memory', '80m', '--cpus', '0.5', 'box')
      assert.equal(code, 0, stderr)
      assert.equal(await memory(), String(80 << 20))
      assert.equal((await daemon.docker('update', '--blkio-weight', '300', 'box')).code, 1)
      assert.equal((await daemon.docker('update', '--memory', '1m', 'box')).code, 1)
      assert.equal(await memory(), String(80 << 20))
    },
  )

  test('ports, mounts and variables change in place: id, name, files and volumes stay', async () => {
    const { out: id } = await run('inspect', 'box', '--format', '{{.Id}}')
    await inside('echo mine > /root/file')
    const { err } = await run('update', '-e', 'NEW=1', '-v', 'vol:/data', '-p', '127.0.0.1::80', '-l', 'a=b', 'box')
    assert.match(err, /^box: environment, ports, mounts will change when it is started again/)
    assert.equal((await run('ps', '-q', '--filter', 'label=a=b', '--no-trunc')).out, id)
    assert.equal(await inside('echo $NEW'), '')
    await run('restart', '-t', '0', 'box')
    assert.equal((await run('inspect', 'box', '--format', '{{.Id}}')).out, id)
    assert.equal(
      await inside('echo $NEW; cat /root/file; grep -c " /data " /proc/mounts; echo kept > /data/f'),
      '1\nmine\n1',
    )
    assert.match((await run('port', 'box')).out, /^80\/tcp -> 127\.0\.0\.1:\d+$/)
    await run(
      'update',
      '--restart-now',
      '--env-rm',
      'NEW',
      '--mount-rm',
      '/data',
      '--publish-rm',
      '80',
      '-v',
      'vol:/other:ro',
      'box',
    )
    assert.equal(await inside('echo "[$NEW]"; cat /other/f; touch /other/x 2>/dev/null || echo ro'), '[]\nkept\nro')
    assert.equal((await run('port', 'box')).out, '')
    await run('rm', '-f', 'box')
    await run('volume', 'rm', 'vol')
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('the health check changes at once, ulimits at the next start', async () => {
    const health = async (): Promise<string> =>
      (await run('inspect', 'fit', '--format', '{{json .Config.Healthcheck}} {{.State.Status}}')).out
    /** Waits for the event that tells the outcome of a check. */
    const told = async (outcome: string, change: () => Promise<unknown>): Promise<void> => {
      const enough = new AbortController()
      const events = daemon.client.events({ signal: enough.signal, since: String(Date.now() / 1000) })
      await change()
      for await (const { Action } of events) if (Action === `health_status: ${outcome}`) break
      enough.abort()
    }
    await run('run', '-d', '--name', 'fit', '--ulimit', 'nofile=100:200', 'localhost/busybox', 'sleep', '1000')
    const refused = await gantry(['update', '--health-interval', '1s', 'fit'], {
      env: { GANTRY_ROOT: daemon.site.root },
    })
    assert.deepEqual([refused.code, /--health-cmd/.test(refused.stderr)], [1, true])
    await told('healthy', () => run('update', '--health-cmd', 'true', '--health-interval', '100ms', 'fit'))
    await told('unhealthy', () => run('update', '--health-cmd', 'false', '--health-retries', '1', 'fit'))
    assert.match(await health(), /"Test":\["CMD-SHELL","false"\].*"Interval":100000000.* running$/)
    const { err } = await run('update', '--no-healthcheck', '--ulimit', 'core=0', '--ulimit', 'nofile=300:400', 'fit')
    assert.match(err, /^fit: ulimits will change when it is started again/)
    assert.match(await health(), /^null running$/)
    const limits = async (): Promise<string> =>
      (
        await run(
          'exec',
          'fit',
          'sed',
          '-nE',
          's/^Max (open files|core file size) +([0-9]+) +([0-9]+).*/\\2:\\3/p',
          '/proc/1/limits',
        )
      ).out
    assert.match(await limits(), /^100:200$/m)
    await run('restart', '-t', '0', 'fit')
    assert.equal(await limits(), '0:0\n300:400')
    const shown = await run('inspect', 'fit', '--format', '{{json .HostConfig.Ulimits}}')
    assert.match(shown.out, /"Name":"nofile","Soft":300|"core"/)
    await run('rm', '-f', 'fit')
  })
})
