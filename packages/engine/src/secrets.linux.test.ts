import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ContainerCreateBody } from '@gantry/client'
import { readAll } from '@gantry/testing'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing()
const value = 'a value that nobody else may see'

describe('secrets', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
    await daemon.client.secrets.create('token', Buffer.from(value), { labels: { of: 'tests' } })
  })
  after(() => daemon[Symbol.asyncDispose]())

  async function start(line: string, more: ContainerCreateBody = {}): Promise<string> {
    const { containers } = daemon.client
    const { Id } = await containers.create({
      Image: 'localhost/busybox',
      Cmd: ['sh', '-c', line],
      StopTimeout: 0,
      ...more,
    })
    await containers.start(Id)
    return Id
  }

  async function printed(line: string, more: ContainerCreateBody): Promise<string> {
    const { containers } = daemon.client
    const id = await start(line, more)
    await (
      await containers.wait(id)
    ).result
    let text = ''
    for await (const { data } of await containers.logs(id)) text += Buffer.from(data).toString()
    await containers.remove(id)
    return text.trim()
  }

  test('are told of, and never told', async () => {
    const { secrets } = daemon.client
    const told = [await secrets.inspect('token'), ...(await secrets.list())]
    assert.deepEqual(
      told.map(({ Name, Size, Labels }) => [Name, Size, Labels]),
      told.map(() => ['token', value.length, { of: 'tests' }]),
    )
    assert.ok(!JSON.stringify(told).includes(value))
    const path = join(daemon.site.root, 'secrets')
    assert.deepEqual(
      [path, join(path, 'token'), join(path, 'token/value')].map((each) => statSync(each).mode & 0o777),
      [0o700, 0o700, 0o600],
    )
  })

  test('are refused with a name, a size or a place that will not do', async () => {
    const { secrets, containers } = daemon.client
    await assert.rejects(secrets.create('token', Buffer.from('x')), { status: 409 })
    await assert.rejects(secrets.create('../x', Buffer.from('x')), { status: 400 })
    await assert.rejects(secrets.create('empty', Buffer.alloc(0)), { status: 400 })
    await assert.rejects(secrets.create('big', Buffer.alloc(600_000)), { status: 400 })
    await assert.rejects(secrets.inspect('none'), { status: 404 })
    await assert.rejects(secrets.remove('none'), { status: 404 })
    const HostConfig = { Secrets: [{ Source: 'none' }] }
    await assert.rejects(containers.create({ Image: 'localhost/busybox', HostConfig }), { status: 404 })
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('are files in memory, for whom they are said to be, or a variable', async () => {
    const Secrets = [
      { Source: 'token' },
      { Source: 'token', Target: '/etc/own', Mode: 0o400, UID: 1000, GID: 1000 },
      { Source: 'token', Type: 'env' as const, Target: 'TOKEN' },
    ]
    const line =
      'cat /run/secrets/token; echo; stat -c "%a %u %g" /run/secrets/token /etc/own; stat -f -c %T /run/secrets/token; echo "$TOKEN"'
    assert.equal(await printed(line, { HostConfig: { Secrets } }), `${value}\n444 0 0\n400 1000 1000\ntmpfs\n${value}`)
    const denied = await printed('cat /etc/own; echo x > /run/secrets/token', { User: '7', HostConfig: { Secrets } })
    assert.match(denied, /own': Permission denied[^]*Read-only file system/)
  })

  test('are in no inspect, explanation, image, archive or database, and outlive the daemon', async () => {
    const { containers, gantry, images, secrets } = daemon.client
    const Secrets = [{ Source: 'token' }, { Source: 'token', Type: 'env' as const, Target: 'TOKEN' }]
    const id = await start('sleep 1000', { HostConfig: { Secrets } })
    await assert.rejects(secrets.remove('token'), { status: 409 })
    const image = await containers.commit(id, { repo: 'localhost/kept', tag: 'latest' })
    const seen = [
      JSON.stringify(await containers.inspect(id)),
      JSON.stringify(await gantry.explain(id)),
      JSON.stringify(await images.inspect(image)),
      (await readAll(await containers.export(id))).toString('latin1'),
      ...['state.db', 'state.db-wal'].map((name) => readFileSync(join(daemon.site.root, name), 'latin1')),
      daemon.log(),
    ]
    for (const text of seen) assert.ok(!text.includes(value))
    await daemon.stop('SIGKILL')
    assert.ok(await daemon.start())
    const exec = await daemon.client.exec.create(id, { Cmd: ['cat', '/run/secrets/token'], AttachStdout: true })
    let text = ''
    for await (const { data } of (await daemon.client.exec.start(exec)).output) text += Buffer.from(data).toString()
    assert.equal(text, value)
    await daemon.client.containers.remove(id, { force: true })
    assert.deepEqual(await daemon.inventory(), [])
    await daemon.client.secrets.remove('token')
    assert.deepEqual(await daemon.client.secrets.list(), [])
  })
})
