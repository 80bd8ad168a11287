import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogFrame } from '@gantry/client'
import { which } from '@gantry/process'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing()
const megabyte = 1024 * 1024

/** What floods the log when it is told to by a file, and then says so with another. */
const flood = (lines: number): string[] => [
  'sh',
  '-c',
  `while [ ! -e /go ]; do sleep 0.02; done; seq 1 ${String(lines)}; touch /done; sleep 1000`,
]

describe('logs', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
  })
  after(() => daemon[Symbol.asyncDispose]())

  async function started(command: string[], Config: Record<string, string>): Promise<{ id: string; pid: number }> {
    const { Id } = await daemon.client.containers.create({
      Image: 'localhost/busybox',
      Cmd: command,
      HostConfig: { NetworkMode: 'none', LogConfig: { Type: 'json-file', Config } },
    })
    await daemon.client.containers.start(Id)
    return { id: Id, pid: (await daemon.client.containers.inspect(Id)).State.Pid }
  }

  function files(id: string): number[] {
    const directory = join(daemon.site.root, 'containers', id, 'container.log.d')
    return readdirSync(directory).map((name) => statSync(join(directory, name)).size)
  }

  const textOf = (frames: readonly LogFrame[]): string =>
    Buffer.concat(frames.map(({ data }) => data)).toString('latin1')

  const go = (pid: number): void => writeFileSync(`/proc/${String(pid)}/root/go`, '')

  async function isDone(pid: number): Promise<void> {
    while (!existsSync(`/proc/${String(pid)}/root/done`)) await sleep(20)
  }

  /** Counts what is followed: the first line that is not one more than the one before is the failure. */
  async function count(output: AsyncIterable<readonly LogFrame[]>, last: number): Promise<number> {
    let rest = ''
    let expected = 1
    for await (const frames of output) {
      const lines = (rest + textOf(frames)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (Number(line) !== expected) assert.equal(line, String(expected))
        expected++
      }
      if (expected > last) return expected - 1
    }
    return expected - 1
  }

  async function lastLines(id: string): Promise<number[]> {
    let text = ''
    for await (const frames of await daemon.client.containers.logFrames(id)) text += textOf(frames)
    // The first line may be the end of one whose beginning is gone.
    return text.trimEnd().split('\n').slice(1).map(Number)
  }

  function assertGoesTo(lines: readonly number[], last: number): void {
    assert.equal(lines.at(-1), last)
    assert.equal(lines.length, last - (lines[0] ?? 0) + 1, 'a line between is missing')
  }

  for (const [size, bytes, last] of [
    ['1m', megabyte, 300_000],
    ['10m', 10 * megabyte, 600_000],
  ] as const) {
    test(`a flood is followed to its last line while files of ${size} come and go`, async () => {
      const { id, pid } = await started(flood(last), { 'max-size': size, 'max-file': '2' })
      const output = await daemon.client.containers.logFrames(id, { follow: true })
      const counted = count(output, last)
      go(pid)
      assert.equal(await counted, last)
      await isDone(pid)
      // Bytes that were written before the order to go on came; a part of a megabyte where nothing else happens.
      const sizes = files(id)
      assert.ok(sizes.length <= 2, String(sizes))
      assert.ok(Math.max(...sizes) <= Math.max(bytes, 8 * megabyte), String(sizes))
      assertGoesTo(await lastLines(id), last)
      await daemon.client.containers.remove(id, { force: true })
    })
  }

  test('a flood while the daemon is dead is bounded; the next daemon has its last lines', async () => {
    const last = 1_000_000
    const { id, pid } = await started(flood(last), { 'max-size': '10m', 'max-file': '2' })
    await daemon.stop('SIGKILL')
    go(pid)
    await isDone(pid)
    const bytes = files(id).reduce((sum, size) => sum + size, 0)
    assert.ok(bytes <= 4 * 10 * megabyte, String(bytes))
    assert.ok(await daemon.start())
    const kept = await lastLines(id)
    assert.equal(kept.at(-1), last)
    assert.ok(files(id).length <= 2)
    await daemon.client.containers.remove(id, { force: true })
  })

  test('what was written while the daemon was dead is all there when it is less than is kept', async () => {
    const last = 300_000
    const { id, pid } = await started(flood(last), { 'max-size': '10m', 'max-file': '3' })
    await daemon.stop('SIGKILL')
    go(pid)
    await isDone(pid)
    assert.ok(await daemon.start())
    const kept = await lastLines(id)
    assert.equal(kept[0], 2)
    assertGoesTo(kept, last)
    await daemon.client.containers.remove(id, { force: true })
  })

  test('none keeps nothing, and says so', async () => {
    const { Id } = await daemon.client.containers.create({
      Image: 'localhost/busybox',
      Cmd: ['echo', 'lost'],
      HostConfig: { NetworkMode: 'none', LogConfig: { Type: 'none' } },
    })
    await daemon.client.containers.start(Id)
    await (
      await daemon.client.containers.wait(Id)
    ).result
    await assert.rejects(daemon.client.containers.logs(Id), /does not support reading/)
    assert.equal(existsSync(join(daemon.site.root, 'containers', Id, 'container.log')), false)
    await daemon.client.containers.remove(Id)
  })

  const noDocker = which('docker') === undefined ? 'needs the docker client' : false
  test('docker reads them with its own flags', { skip: noDocker }, async () => {
    const flags = '-d --network none --label app=web --log-opt labels=app --log-opt max-size=2m'.split(' ')
    const script = 'echo one; echo two >&2; echo three'
    const made = await daemon.docker('run', ...flags, 'localhost/busybox', 'sh', '-c', script)
    const id = made.stdout.trim()
    assert.equal(made.code, 0, made.stderr)
    await daemon.docker('wait', id)
    const logs = await daemon.docker('logs', '--details', '--tail', '2', id)
    assert.deepEqual([logs.stdout, logs.stderr], ['app=web three\n', 'app=web two\n'])
    const inspected = await daemon.docker('inspect', '-f', '{{json .HostConfig.LogConfig}}', id)
    assert.deepEqual(JSON.parse(inspected.stdout), {
      Type: 'local',
      Config: { labels: 'app', 'max-file': '3', 'max-size': '2m' },
    })
    await daemon.docker('rm', id)
  })
})
