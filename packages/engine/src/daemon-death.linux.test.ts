import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@gantry/client'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing()

async function run(client: Client, command: readonly string[], more: object = {}): Promise<string> {
  const { Id } = await client.containers.create({ Image: 'localhost/busybox', Cmd: [...command], ...more })
  await client.containers.start(Id)
  return Id
}

async function logOf(client: Client, id: string): Promise<string> {
  let text = ''
  for await (const { data } of await client.containers.logs(id)) text += Buffer.from(data).toString()
  return text
}

async function execIn(
  client: Client,
  id: string,
  ...command: string[]
): Promise<{ text: string; code: number | null }> {
  const exec = await client.exec.create(id, { Cmd: command, AttachStdout: true, AttachStderr: true })
  let text = ''
  for await (const { data } of (await client.exec.start(exec)).output) text += Buffer.from(data).toString()
  return { text, code: (await client.exec.inspect(exec)).ExitCode }
}

describe('the death of the daemon', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
  })
  after(() => daemon[Symbol.asyncDispose]())

  test('running containers go on, log and resolve names; the next daemon takes them over', async () => {
    await daemon.client.networks.create({ Name: 'lan' })
    const HostConfig = { NetworkMode: 'lan' }
    const talker = await run(daemon.client, ['sh', '-c', 'i=0; while :; do echo $i; i=$((i+1)); sleep 0.05; done'], {
      HostConfig,
    })
    const { Id: named } = await daemon.client.containers.create(
      { Image: 'localhost/busybox', Cmd: ['sleep', '1000'], HostConfig },
      { name: 'neighbour' },
    )
    await daemon.client.containers.start(named)
    const asker = await run(
      daemon.client,
      ['sh', '-c', 'while :; do nslookup neighbour >/dev/null 2>&1 && echo found || echo lost; sleep 0.1; done'],
      { HostConfig },
    )
    await sleep(600)
    await daemon.stop('SIGKILL')
    const logs = (id: string): string => readFileSync(join(daemon.site.root, 'containers', id, 'container.log'), 'utf8')
    const [before, asked] = [logs(talker).length, logs(asker).split('found').length]
    await sleep(600)
    assert.ok(logs(talker).length > before, 'logging stopped')
    assert.ok(logs(asker).split('found').length > asked, 'names are not resolved any more')
    assert.ok(await daemon.start())
    const lines = (await logOf(daemon.client, talker)).trim().split('\n').map(Number)
    assert.deepEqual(
      lines,
      lines.map((_, index) => index),
      'a line was lost',
    )
    assert.equal((await execIn(daemon.client, named, 'echo', 'inside')).text, 'inside\n')
    const waiting = await daemon.client.containers.wait(talker)
    await daemon.client.containers.kill(talker)
    assert.equal((await waiting.result).StatusCode, 137)
    for (const id of [talker, named, asker]) await daemon.client.containers.remove(id, { force: true })
    await daemon.client.networks.remove('lan')
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('what ended meanwhile has its own exit code, and what was to be removed is', async () => {
    const kept = await run(daemon.client, ['sh', '-c', 'sleep 0.4; exit 7'])
    const gone = await run(daemon.client, ['sleep', '0.4'], { HostConfig: { AutoRemove: true } })
    await daemon.stop('SIGKILL')
    await sleep(800)
    assert.ok(await daemon.start())
    await (
      await daemon.client.containers.wait(kept)
    ).result
    const { State } = await daemon.client.containers.inspect(kept)
    assert.deepEqual([State.Status, State.ExitCode], ['exited', 7])
    while ((await daemon.client.containers.list({ all: true })).some(({ Id }) => Id === gone)) await sleep(20)
    await daemon.client.containers.remove(kept)
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('killed at random moments of many lives at once, it leaves nothing half-done', async () => {
    for (let round = 0; round < 6; round++) {
      const { client } = daemon
      const lives = Array.from({ length: 6 }, async (_, index) => {
        try {
          const id = await run(client, ['sleep', '1000'], {
            StopTimeout: 0,
            HostConfig: { AutoRemove: index % 2 === 0 },
          })
          await client.containers.kill(id)
          await client.containers.remove(id, { force: true }).catch(() => undefined)
        } catch {
          // The daemon was killed.
        }
      })
      await sleep(20 + Math.random() * 400)
      await daemon.stop('SIGKILL')
      await Promise.all(lives)
      assert.ok(await daemon.start(), 'the daemon does not start again')
      for (const { Id } of await daemon.client.containers.list({ all: true }))
        await daemon.client.containers.remove(Id, { force: true })
      assert.deepEqual(await daemon.inventory(), [], `round ${round}`)
    }
  })

  test('a killed monitor ends its container, which says so', async () => {
    const id = await run(daemon.client, ['sleep', '1000'])
    const waiting = await daemon.client.containers.wait(id)
    const conmon = readdirSync('/proc').find((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return command.includes('conmon') && command.includes(id)
      } catch {
        return false
      }
    })
    process.kill(Number(conmon), 'SIGKILL')
    assert.equal((await waiting.result).StatusCode, 137)
    assert.equal((await daemon.client.containers.inspect(id)).State.Status, 'exited')
    await daemon.client.containers.remove(id)
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('a second daemon refuses, and the first goes on', async () => {
    const second = await startAgain(daemon)
    assert.equal(second.started, false)
    assert.match(second.log, /Cannot start a daemon for .* is one already/)
    assert.equal((await daemon.client.ping()).osType, 'linux')
  })

  test('SIGTERM ends it at once, and containers go on', async () => {
    const id = await run(daemon.client, ['sleep', '1000'])
    await daemon.stop('SIGTERM')
    assert.ok(await daemon.start())
    assert.equal((await daemon.client.containers.inspect(id)).State.Running, true)
    await daemon.client.containers.remove(id, { force: true })
  })

  test('a database of a newer gantry is refused and not touched', async () => {
    await daemon.stop()
    const path = join(daemon.site.root, 'state.db')
    const change = (version: string): void => {
      const db = new DatabaseSync(path)
      db.exec(`UPDATE schema SET version = version ${version} WHERE package = 'engine'`)
      db.close()
    }
    change('+ 1')
    assert.equal(await daemon.start(), false)
    assert.match(daemon.log(), /a newer gantry wrote it/)
    change('- 1')
    assert.ok(await daemon.start())
  })
})

async function startAgain(daemon: RealDaemon): Promise<{ started: boolean; log: string }> {
  const { runStatus } = await import('@gantry/process')
  const { fileURLToPath } = await import('node:url')
  const main = fileURLToPath(new URL('../../daemon/src/main.ts', import.meta.url))
  const { code, stdout, stderr } = await runStatus(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, daemon.site.root],
    {
      env: { ...process.env, GANTRY_RUN: daemon.site.run },
      timeout: 20_000,
    },
  )
  return { started: code === null, log: stdout + stderr }
}
