import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readHost } from '@gantry/linux'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing()

describe('an OCI runtime that hangs', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  let bin = ''
  before(async () => {
    bin = mkdtempSync(join(tmpdir(), 'gantry-hang-'))
    const { runtime, tools } = await readHost()
    // Hangs at the command that the file names, with a child of its own.
    const script = `#!/bin/sh
verb=$(cat ${bin}/verb 2>/dev/null)
case " $* " in *" $verb "*) [ -z "$verb" ] || { sleep 1000; exit 1; };; esac
exec ${tools[runtime] ?? ''} "$@"
`
    writeFileSync(join(bin, runtime), script)
    chmodSync(join(bin, runtime), 0o755)
    daemon = await realDaemon({ start: false })
    const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, GANTRY_RUNTIME_TIMEOUT: '1' }
    assert.ok(await daemon.start(env), daemon.log())
  })
  after(async () => {
    rmSync(join(bin, 'verb'), { force: true })
    await daemon[Symbol.asyncDispose]()
    rmSync(bin, { recursive: true, force: true })
  })
  const hangAt = (verb: string): void => writeFileSync(join(bin, 'verb'), verb)
  const hung = { message: /did not answer within 1 seconds|no answer within 1000 ms/ }

  test('at a start is given up, says so, leaves nothing, and the next start is like any', async () => {
    const { containers } = daemon.client
    const { Id } = await containers.create({ Image: 'localhost/busybox', Cmd: ['sleep', '1000'] })
    hangAt('create')
    await assert.rejects(containers.start(Id), hung)
    const { State } = await containers.inspect(Id)
    assert.deepEqual([State.Status, State.Running], ['created', false])
    assert.match(State.Error, /did not answer/)
    assert.deepEqual(await daemon.inventory(), [`container directory ${Id}`])
    hangAt('')
    await containers.start(Id)
    assert.equal((await containers.inspect(Id)).State.Running, true)
    await containers.remove(Id, { force: true })
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('at an exec or a pause is given up, and the container goes on', async () => {
    const { containers, exec } = daemon.client
    const { Id } = await containers.create({ Image: 'localhost/busybox', Cmd: ['sleep', '1000'] })
    await containers.start(Id)
    for (const [verb, call] of [
      ['exec', async () => exec.start(await exec.create(Id, { Cmd: ['true'], AttachStdout: true }))],
      ['pause', () => containers.pause(Id)],
    ] as const) {
      hangAt(verb)
      const outcome = await call().then(
        async (started) => {
          // What goes wrong before a program runs is told in its stream.
          let text = ''
          if (started !== undefined) for await (const { data } of started.output) text += Buffer.from(data).toString()
          return text
        },
        (error: unknown) => String(error),
      )
      assert.match(outcome, hung.message, verb)
      hangAt('')
      assert.equal((await containers.inspect(Id)).State.Status, 'running')
    }
    const made = await exec.create(Id, { Cmd: ['echo', 'here'], AttachStdout: true })
    let text = ''
    for await (const { data } of (await exec.start(made)).output) text += Buffer.from(data).toString()
    assert.equal(text, 'here\n')
    await containers.remove(Id, { force: true })
    assert.deepEqual(await daemon.inventory(), [])
  })
})
