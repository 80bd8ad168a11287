import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { ApiError, type Client } from '@gantry/client'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

// The daemon is killed at every step that the ledger takes in the life of a container; GANTRY_TEST_FAULTS=3 takes every third.
const stride = Number(process.env['GANTRY_TEST_FAULTS'] ?? 1)
const missing = realDaemonMissing()

/** A whole life. Ends early, quietly, when the daemon is killed in it. */
async function live(client: Client): Promise<boolean> {
  try {
    const { Id } = await client.containers.create({
      Image: 'localhost/busybox',
      Cmd: ['sleep', '1000'],
      Volumes: { '/data': {} },
      StopTimeout: 0,
      HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
    })
    await client.containers.start(Id)
    await client.containers.stop(Id)
    await client.containers.start(Id)
    await client.containers.remove(Id, { force: true, volumes: true })
    return true
  } catch (error) {
    if (error instanceof ApiError && error.status === 0) return false
    throw error
  }
}

/** What a container is said to be, it is: one that runs has a process that can be entered. */
async function check(daemon: RealDaemon, step: number): Promise<void> {
  const { client } = daemon
  for (const { Id, State } of await client.containers.list({ all: true })) {
    const { State: state } = await client.containers.inspect(Id)
    assert.equal(state.Pid > 0 && existsSync(`/proc/${state.Pid}`), State === 'running', `step ${step}: ${State}`)
    assert.ok(['created', 'running', 'exited'].includes(State), `step ${step}: a container is ${State}`)
    if (State === 'running') {
      const exec = await client.exec.create(Id, { Cmd: ['true'] })
      const { output } = await client.exec.start(exec)
      for await (const chunk of output) void chunk
      assert.equal((await client.exec.inspect(exec)).ExitCode, 0, `step ${step}: the container cannot be entered`)
    }
    await client.containers.remove(Id, { force: true, volumes: true })
  }
  assert.deepEqual(await daemon.inventory(), [], `step ${step}: something is left on the host`)
}

test('killed at any step of the ledger, the daemon leaves nothing half-done', { skip: missing ?? false }, async (t) => {
  await using daemon = await realDaemon({ start: false })
  // The network and its bridge are made once, so that every later life takes the same steps.
  assert.ok(await daemon.start())
  assert.ok(await live(daemon.client))
  await daemon.stop()
  let kills = 0
  for (let step = 1; ; step += stride) {
    const started = await daemon.start({ GANTRY_FAULT_AT: String(step) })
    const whole = started && (await live(daemon.client))
    await daemon.stop('SIGKILL')
    assert.ok(await daemon.start(), `step ${step}: the daemon does not start again:\n${daemon.log().slice(-2000)}`)
    await check(daemon, step)
    await daemon.stop()
    if (whole) break
    kills++
  }
  t.diagnostic(`${kills} kills`)
})
