import assert from 'node:assert/strict'
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runStatus } from '@gantry/process'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const launcher = join(import.meta.dirname, '../../../gantry')

describe('settings of a daemon', { skip: realDaemonMissing() ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
  })
  after(() => daemon[Symbol.asyncDispose]())

  const start = (...flags: string[]): ReturnType<typeof runStatus> =>
    runStatus('sh', [launcher, 'daemon', 'start', ...flags], {
      env: { ...process.env, GANTRY_ROOT: daemon.site.root, GANTRY_RUN: daemon.site.run },
    })
  const settings = (): unknown => JSON.parse(readFileSync(join(daemon.site.root, 'settings.json'), 'utf8'))

  /** Sends SIGHUP and waits until the daemon tells that it has pruned something. */
  async function prunedOnReload(): Promise<{ readonly Type: string; readonly Actor: { readonly Attributes: object } }> {
    const enough = new AbortController()
    try {
      const events = daemon.client.events({ signal: enough.signal, since: String(Date.now() / 1000) })
      process.kill(daemon.pid, 'SIGHUP')
      for await (const event of events) if (event.Action === 'prune') return event
    } finally {
      enough.abort()
    }
    throw new Error('the daemon ended')
  }

  /** An image that nothing leads to: its name goes to another one. */
  async function dangling(): Promise<void> {
    const { containers } = daemon.client
    for (const text of ['one', 'two']) {
      const { Id } = await containers.create({ Image: 'localhost/busybox', Cmd: ['sh', '-c', `echo ${text} >/file`] })
      const { result } = await containers.wait(Id, { condition: 'next-exit' })
      await containers.start(Id)
      await result
      await containers.commit(Id, { repo: 'localhost/named', tag: 'latest' })
      await containers.remove(Id)
    }
    // What came just now stays: somebody may be about to give it a name.
    const blobs = join(daemon.site.root, 'content/blobs/sha256')
    for (const name of readdirSync(blobs)) utimesSync(join(blobs, name), 1, 1)
  }

  test('the flags are kept, and the daemon takes them over on SIGHUP: a disk budget, a default log', async () => {
    await dangling()
    const { code, stdout } = await start(
      '--disk-budget',
      '1000B',
      '--log-driver',
      'json-file',
      '--log-opt',
      'max-size=1m',
      '--log-opt',
      'compress=true',
    )
    assert.deepEqual([code, /runs already/.test(stdout)], [0, true])
    assert.deepEqual(settings(), {
      diskBudget: 1000,
      logDriver: 'json-file',
      logOpts: { 'max-size': '1m', compress: 'true' },
    })
    assert.equal((await daemon.client.info()).LoggingDriver, 'local')

    const event = await prunedOnReload()
    assert.equal(event.Type, 'image')
    assert.equal((event.Actor.Attributes as Record<string, string>)['reason'], 'disk budget')
    assert.match(daemon.log(), /disk budget of 1000 bytes: removed what nothing leads to/)

    assert.equal((await daemon.client.info()).LoggingDriver, 'json-file')
    const logOf = async (LogConfig?: { Type: string; Config: Record<string, string> }): Promise<unknown> => {
      const HostConfig = LogConfig === undefined ? {} : { LogConfig }
      const { Id } = await daemon.client.containers.create({ Image: 'localhost/busybox', Cmd: ['true'], HostConfig })
      return (await daemon.client.containers.inspect(Id)).HostConfig.LogConfig
    }
    const Config = { 'max-file': '3', 'max-size': '1m', compress: 'true' }
    assert.deepEqual(await logOf(), { Type: 'json-file', Config })
    assert.deepEqual(await logOf({ Type: '', Config: { 'max-size': '2m' } }), {
      Type: 'json-file',
      Config: { ...Config, 'max-size': '2m' },
    })
    const own = { 'max-file': '3', 'max-size': '10m' }
    assert.deepEqual(await logOf({ Type: 'local', Config: {} }), { Type: 'local', Config: own })

    // It is there at the next start, too, and ends when it is ended.
    await daemon.stop()
    await daemon.start()
    assert.equal((await daemon.client.info()).LoggingDriver, 'json-file')
    await start('--disk-budget', '0', '--log-driver', 'local')
    assert.deepEqual(settings(), { logDriver: 'local' })
  })

  test('what cannot be is refused, and a file that became unusable is told and changes nothing', async () => {
    const before = settings()
    for (const flags of [
      ['--log-driver', 'syslog'],
      ['--log-opt', 'max-sice=1m'],
    ]) {
      const { code, stderr } = await start(...flags)
      assert.notEqual(code, 0, flags.join(' '))
      assert.match(stderr, new RegExp(flags[1]?.split('=')[0] ?? '-'))
    }
    assert.deepEqual(settings(), before)

    writeFileSync(join(daemon.site.root, 'settings.json'), '{"logDriver":"syslog"}')
    await daemon.stop()
    assert.equal(await daemon.start(), false)
    assert.match(daemon.log(), /syslog.*not supported/)
    writeFileSync(join(daemon.site.root, 'settings.json'), '{}')
    assert.equal(await daemon.start(), true)
  })
})
