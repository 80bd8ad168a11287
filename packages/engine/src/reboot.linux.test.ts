import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { globSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createClient, type Client } from '@gantry/client'
import type { Site } from '@gantry/linux'
import { exitOf, start, which } from '@gantry/process'
import { realDaemon, realDaemonMissing } from '@gantry/testing/daemon'

const missing = realDaemonMissing() ?? (which('unshare') === undefined ? 'needs unshare' : undefined)

/** A machine of its own as far as processes, mounts, links and the time of its start go: its end is like that of a machine. */
interface Machine extends AsyncDisposable {
  readonly client: Client
  /** What its daemon has said. */
  log(): string
  /** Cuts the power; once is enough. */
  fail(): Promise<void>
}

// Node is not process 1: what it leaves behind has to be waited for. /run is empty, as it is after a start, and
// /sys shows the links of this machine, with the control groups of the real one.
const boot = `set -e
mount -t tmpfs tmpfs /run
mkdir "$RUN"
mount --bind "$BOOT_ID" /proc/sys/kernel/random/boot_id
mkdir "$RUN/groups"
mount --rbind /sys/fs/cgroup "$RUN/groups"
mount -t sysfs sysfs /sys
mount --rbind "$RUN/groups" /sys/fs/cgroup
umount -l "$RUN/groups"
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
"$@" & wait`

async function startMachine(site: Site): Promise<Machine> {
  const main = fileURLToPath(new URL('../../daemon/src/main.ts', import.meta.url))
  const bootId = join(site.root, 'boot-id')
  writeFileSync(bootId, `${randomUUID()}\n`)
  const own = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']
  const child = start(
    'unshare',
    [...own, 'sh', '-c', boot, 'sh', process.execPath, '--disable-warning=ExperimentalWarning', main, site.root],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, GANTRY_RUN: site.run, RUN: site.run, BOOT_ID: bootId },
    },
  )
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const ended = exitOf(child)
  await Promise.race([
    new Promise((resolve) => child.stdio[3]?.once('data', resolve)),
    ended.then(() => {
      throw new Error(`the machine did not start: ${errors}`)
    }),
  ])
  const first = firstOf(child)
  const client = createClient({ socket: `/proc/${first}/root${site.socket}` })
  const fail = async (): Promise<void> => {
    client.close()
    child.kill('SIGKILL')
    await ended
    await forgetGroups(site)
  }
  return { client, log: () => errors, fail, [Symbol.asyncDispose]: fail }
}

/** The number by which the outside knows process 1 of the machine. */
function firstOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8').trim())
}

/** Control groups are the real machine's, and would not be there after a start. */
async function forgetGroups({ instance }: Site): Promise<void> {
  const paths = globSync([`/sys/fs/cgroup/${instance}/**/`, `/sys/fs/cgroup/*/${instance}/**/`])
  for (const path of paths.toSorted((a, b) => b.length - a.length)) {
    for (let tries = 0; ; tries++) {
      try {
        rmdirSync(path)
        break
      } catch (error) {
        // The kernel is still ending the processes in it.
        if (tries > 200 || (error as { code?: string }).code !== 'EBUSY') throw error
        await sleep(20)
      }
    }
  }
}

const policies = ['no', 'on-failure', 'always', 'unless-stopped'] as const

test(
  'after the power failed, containers are told to have ended, and restart policies are followed',
  {
    skip: missing ?? false,
    timeout: 120_000,
  },
  async () => {
    await using daemon = await realDaemon({ start: false })
    const { site } = daemon
    await using before = await startMachine(site)
    const create = async (name: string, policy: (typeof policies)[number], more: object = {}): Promise<string> => {
      const body = {
        Image: 'localhost/busybox',
        Cmd: ['sh', '-c', 'echo started; sleep 1000'],
        StopTimeout: 0,
        ...more,
      }
      const HostConfig = { RestartPolicy: { Name: policy, MaximumRetryCount: 0 }, NetworkMode: 'lan' }
      const { Id } = await before.client.containers.create(
        { ...body, HostConfig: { ...HostConfig, ...('HostConfig' in more ? (more.HostConfig as object) : {}) } },
        { name },
      )
      return Id
    }
    await before.client.networks.create({ Name: 'lan' })
    for (const policy of policies) await before.client.containers.start(await create(policy, policy))
    await before.client.containers.start(await create('stopped', 'unless-stopped'))
    await before.client.containers.stop('stopped', { timeout: 0 })
    await create('never-started', 'always')
    await before.client.containers.start(await create('removed', 'no', { HostConfig: { AutoRemove: true } }))
    await before.client.containers.start(
      await create('published', 'always', { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '' }] } } }),
    )
    await before.fail()

    await using after = await startMachine(site)
    const status = async (name: string): Promise<string> => (await after.client.containers.inspect(name)).State.Status
    for (const name of ['on-failure', 'always', 'unless-stopped', 'published']) {
      for (let tries = 0; (await status(name)) !== 'running'; tries++) {
        assert.ok(
          tries < 200,
          `${name} is not running: ${after.log()} ${JSON.stringify((await after.client.containers.inspect(name)).State)}`,
        )
        await sleep(50)
      }
    }
    assert.equal(await status('no'), 'exited')
    assert.notEqual((await after.client.containers.inspect('no')).State.ExitCode, 0)
    assert.equal(await status('stopped'), 'exited')
    assert.equal(await status('never-started'), 'created')
    const names = (await after.client.containers.list({ all: true })).flatMap(({ Names }) => Names)
    assert.ok(!names.includes('/removed'), 'what was to be removed is still there')
    // Names and addresses are there again.
    const exec = await after.client.exec.create('always', { Cmd: ['nslookup', 'published'], AttachStdout: true })
    let found = ''
    for await (const { data } of (await after.client.exec.start(exec)).output) found += Buffer.from(data).toString()
    const { NetworkSettings } = await after.client.containers.inspect('published')
    const address = NetworkSettings.Networks['lan']?.IPAddress ?? ''
    assert.ok(address !== '' && found.includes(address), found)
    let text = ''
    for await (const { data } of await after.client.containers.logs('always')) text += Buffer.from(data).toString()
    assert.equal(text, 'started\nstarted\n')
    for (const { Id } of await after.client.containers.list({ all: true })) {
      await after.client.containers.remove(Id, { force: true })
    }
    await after.client.networks.remove('lan')
  },
)
