import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ApiError } from '@gantry/client'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing()

describe('what runs out', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
  })
  after(() => daemon[Symbol.asyncDispose]())

  test('inodes: what is made fails with a reason and leaves nothing, what runs goes on, and later all is well', async () => {
    const { containers } = daemon.client
    const running = await containers.create({ Image: 'localhost/busybox', Cmd: ['sleep', '1000'], StopTimeout: 0 })
    await containers.start(running.Id)
    // Where new containers have their files there is room for a few more.
    const small = join(daemon.site.root, 'small')
    mkdirSync(small)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=6', 'tmpfs', small])
    try {
      for (let n = 0; n < 8; n++) {
        try {
          writeFileSync(join(small, String(n)), '')
        } catch {
          // It is full: that is what is wanted.
        }
      }
      execFileSync('mount', ['--bind', small, join(daemon.site.root, 'containers')])
      try {
        const failure = await containers.create({ Image: 'localhost/busybox' }).then(
          () => undefined,
          (error: unknown) => error,
        )
        assert.ok(failure instanceof ApiError, 'it was made')
        assert.match(failure.message, /no space left|ENOSPC/i)
      } finally {
        execFileSync('umount', [join(daemon.site.root, 'containers')])
      }
    } finally {
      execFileSync('umount', [small])
    }
    assert.deepEqual(
      (await containers.list({ all: true })).map(({ Id, State }) => [Id, State]),
      [[running.Id, 'running']],
    )
    const next = await containers.create({ Image: 'localhost/busybox', Cmd: ['true'] })
    await containers.start(next.Id)
    assert.equal((await (await containers.wait(next.Id)).result).StatusCode, 0)
    for (const { Id } of [running, next]) await containers.remove(Id, { force: true })
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('processes: a container at its limit is told so, and is ended like any other', async () => {
    const { containers, exec } = daemon.client
    const line = 'while :; do sleep 1000 & done 2>/dev/null; sleep 1000'
    const HostConfig = { PidsLimit: 20 }
    const { Id } = await containers.create({
      Image: 'localhost/busybox',
      Cmd: ['sh', '-c', line],
      StopTimeout: 0,
      HostConfig,
    })
    await containers.start(Id)
    // The shell of the container ends when it cannot fork; then there is room again.
    for (let n = 0; n < 3; n++) {
      const outcome = await exec
        .create(Id, { Cmd: ['true'], AttachStdout: true })
        .then(async (made) => {
          for await (const chunk of (await exec.start(made)).output) void chunk
          return (await exec.inspect(made)).ExitCode
        })
        .catch((error: unknown) => error)
      if (outcome instanceof Error) assert.ok(outcome instanceof ApiError && outcome.status !== 0, String(outcome))
    }
    await containers.remove(Id, { force: true })
    assert.deepEqual(await daemon.inventory(), [])
  })
})
