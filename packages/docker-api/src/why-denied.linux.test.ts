import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Denials, HostConfig } from '@gantry/client'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing()
const architectures: Readonly<Record<string, { keyctl: number; ptrace: number }>> = {
  x64: { keyctl: 250, ptrace: 101 },
  arm64: { keyctl: 219, ptrace: 117 },
}
const numbers = architectures[process.arch]

interface Row {
  readonly what: string
  readonly host?: HostConfig
  readonly user?: string
  readonly command: readonly string[]
  /** The call, what refused it, and the beginning of the first flag that would allow it. */
  readonly expected: readonly [call: string, by: string, flag: string | undefined]
  /** `all` where the flag reaches the host and the command is harmless there. */
  readonly prove: 'safe' | 'all'
}

const sh = (script: string): readonly string[] => ['sh', '-c', script]

/** Programs of the host that make system calls for which busybox has no command. */
const node: HostConfig = { Binds: ['/lib:/lib:ro', '/lib64:/lib64:ro', `${process.execPath}:/node:ro`] }
const native = (call: number, ...args: number[]): readonly string[] => [
  '/node',
  '--disable-warning=ExperimentalWarning',
  '-e',
  `const { lib } = require('node:ffi').dlopen(null)
   const call = lib.getFunction('syscall', { arguments: ['int64', 'int64', 'int64', 'int64', 'int64'], return: 'int64' })
   process.exit(call(${[call, ...args].map((value) => `${value}n`).join(', ')}) < 0n ? 1 : 0)`,
]

const rows: readonly Row[] = [
  {
    what: 'mount',
    command: sh('mkdir /m && mount -t tmpfs none /m'),
    expected: ['mount', 'seccomp', '--cap-add SYS_ADMIN'],
    prove: 'all',
  },
  {
    what: 'a user namespace of its own',
    command: ['unshare', '-U', 'true'],
    expected: ['unshare', 'seccomp', '--cap-add SYS_ADMIN'],
    prove: 'all',
  },
  {
    what: 'giving a file away without CAP_CHOWN',
    host: { CapDrop: ['CHOWN'] },
    command: sh('touch /f && chown 7 /f'),
    expected: ['chown', 'capability', '--cap-add CHOWN'],
    prove: 'safe',
  },
  {
    what: 'a raw socket without CAP_NET_RAW',
    host: { CapDrop: ['ALL'] },
    command: ['arping', '-I', 'lo', '-c', '1', '-w', '1', '127.0.0.1'],
    expected: ['socket', 'capability', '--cap-add NET_RAW'],
    prove: 'safe',
  },
  {
    what: 'a setting of the network',
    command: sh('echo 1 > /proc/sys/net/ipv4/ip_default_ttl'),
    expected: ['open', 'read-only', '--sysctl net.ipv4.ip_default_ttl=VALUE'],
    prove: 'all',
  },
  {
    what: 'a read-only root',
    host: { ReadonlyRootfs: true },
    command: ['touch', '/etc/new'],
    expected: ['open', 'read-only', '--tmpfs /etc'],
    prove: 'safe',
  },
  {
    what: 'a read-only bind',
    host: { Binds: ['/tmp:/data:ro'] },
    command: ['touch', '/data/new'],
    expected: ['open', 'read-only', 'the mount on /data without "ro"'],
    prove: 'safe',
  },
  {
    what: 'a masked directory',
    command: ['mkdir', '/sys/firmware/x'],
    expected: ['mkdir', 'masked-path', '--security-opt systempaths=unconfined'],
    // What is below is the kernel's, and read-only to all.
    prove: 'safe',
  },
  {
    what: 'the clock',
    command: sh('date -s @1 2>&1 | grep -q permitted && exit 1'),
    expected: ['clock_settime', 'seccomp', '--cap-add SYS_TIME'],
    prove: 'safe',
  },
  {
    what: 'a device node without CAP_MKNOD',
    host: { CapDrop: ['MKNOD'] },
    command: ['mknod', '/d', 'c', '1', '3'],
    expected: ['mknod', 'capability', '--cap-add MKNOD'],
    prove: 'safe',
  },
  ...(existsSync('/dev/fuse')
    ? [
        {
          what: 'a device that no rule opens',
          command: sh('mknod /d c 10 229 && : < /d'),
          expected: ['open', 'device', "--device-cgroup-rule 'c 10:229 rwm'"] as const,
          prove: 'all' as const,
        },
      ]
    : []),
  {
    what: 'a low port where the container may not have one',
    host: { CapDrop: ['NET_BIND_SERVICE'], Sysctls: { 'net.ipv4.ip_unprivileged_port_start': '1024' } },
    command: sh('timeout 1 nc -l -p 80; test $? = 143'),
    expected: ['bind', 'capability', '--cap-add NET_BIND_SERVICE'],
    prove: 'safe',
  },
  {
    what: "another user's directory",
    user: '7',
    command: ['touch', '/new'],
    expected: ['open', 'file-permission', '--user root'],
    prove: 'safe',
  },
  {
    what: 'root that may not overrule permissions',
    host: { CapDrop: ['DAC_OVERRIDE'] },
    command: sh('mkdir /own && chown 7 /own && chmod 700 /own && : > /own/file'),
    expected: ['open', 'file-permission', '--cap-add DAC_OVERRIDE'],
    prove: 'safe',
  },
  {
    what: 'a program on a tmpfs',
    host: { Tmpfs: { '/programs': '' } },
    command: sh('cp /bin/busybox /programs/true && /programs/true'),
    expected: ['execve', 'mount-option', 'the mount on /programs with "exec"'],
    prove: 'safe',
  },
  ...(numbers === undefined
    ? []
    : [
        {
          what: 'keys of the kernel',
          host: node,
          command: native(numbers.keyctl, 0, -3, 1, 0),
          expected: ['keyctl', 'seccomp', '--security-opt seccomp=FILE'] as const,
          prove: 'safe' as const,
        },
      ]),
]

describe('why a command is refused something', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
  })
  after(() => daemon[Symbol.asyncDispose]())

  const why = async ({ host, user, command, prove }: Omit<Row, 'what' | 'expected'>): Promise<Denials> => {
    const { client } = daemon
    const { Id } = await client.containers.create({
      Image: 'localhost/busybox',
      Cmd: [...command],
      ...(user === undefined ? {} : { User: user }),
      ...(host === undefined ? {} : { HostConfig: host }),
    })
    try {
      return await client.gantry.whyDenied(Id, { Prove: prove })
    } finally {
      await client.containers.remove(Id)
    }
  }

  for (const row of rows) {
    test(`${row.what}: ${row.expected[1]}`, async () => {
      const [call, by, flag] = row.expected
      const denials = await why(row)
      const found = denials.refusals.find((each) => each.refusedBy === by && sameCall(each.call, call))
      assert.ok(found, JSON.stringify(denials, undefined, 1))
      if (flag !== undefined) assert.ok(found.flags[0]?.startsWith(flag), JSON.stringify(found))
      assert.notEqual(denials.exitCode, 0)
      if (denials.untried.length > 0) assert.equal(denials.proof, undefined)
      else assert.equal(denials.proof?.helped, true, JSON.stringify(denials, undefined, 1))
    })
  }

  test('leaves nothing, and writes to a volume only in a layer over it', async () => {
    const { client } = daemon
    await client.volumes.create({ Name: 'kept' })
    const { Id } = await client.containers.create({
      Image: 'localhost/busybox',
      Cmd: ['sh', '-c', 'echo more >> /v/file; cat /v/file; chown 7 /v/file'],
      HostConfig: { Binds: ['kept:/v'], CapDrop: ['CHOWN'] },
    })
    for (const times of [1, 2]) {
      const { output, refusals } = await client.gantry.whyDenied(Id, {})
      assert.match(output, /^more\nchown/, `run ${times}`)
      assert.deepEqual(
        refusals.map(({ refusedBy, paths }) => [refusedBy, ...paths]),
        [['capability', '/v/file']],
      )
    }
    const late = await client.gantry.whyDenied(Id, { Command: ['sleep', '1000'], Timeout: 300 })
    assert.deepEqual([late.timedOut, late.refusals], [true, []])
    await client.containers.remove(Id)
    assert.deepEqual(await client.containers.list({ all: true }), [])
    assert.deepEqual(await daemon.inventory(), [])
  })
})

/** The same call by its newer number, which arm64 has alone. */
function sameCall(seen: string, expected: string): boolean {
  return seen === expected || seen === `${expected}at` || (expected === 'chown' && seen === 'fchownat')
}
