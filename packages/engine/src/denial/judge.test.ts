import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Refusal, RefusedPath } from '@gantry/linux'
import { capabilityMask, defaultCapabilities, defaultSpec, dockerProfile } from '@gantry/runtime'
import type { ContainerSpec } from '../container/spec.ts'
import { judge, type JudgedContainer, type RefusedBy } from './judge.ts'
import { flagOf, reachesHost } from './remedy.ts'

const kernel = '6.1.0'

/** What decides of a container, with the default confinement. */
function container(more: { seccomp?: 'unconfined'; profile?: string } = {}): JudgedContainer {
  const profile = more.profile === undefined ? undefined : { profile: more.profile }
  return {
    arch: 'amd64',
    kernel,
    spec: {
      readonlyRoot: true,
      mounts: [{ type: 'tmpfs', target: '/t', options: [] }],
      security: { capAdd: [], capDrop: [], seccomp: more.seccomp ?? profile ?? 'default' },
    } as unknown as ContainerSpec,
    runtime: defaultSpec({
      host: { arch: 'amd64', kernel, cgroup: { mode: 'v2', hierarchies: [] }, limitsSwap: false } as never,
      rootfs: '/r',
      args: ['x'],
      cgroupsPath: '/g',
      seccomp: more.seccomp ?? 'default',
      capabilities: { available: defaultCapabilities },
    }),
  }
}

function refusal(call: string, more: Partial<Refusal> & { who?: Partial<Refusal['process']> } = {}): Refusal {
  const { who, ...rest } = more
  return {
    call,
    error: 'EPERM',
    args: [],
    paths: [],
    ...rest,
    process: {
      pid: 1,
      name: 'program',
      uid: 0,
      gid: 0,
      groups: [],
      effective: capabilityMask(defaultCapabilities),
      noNewPrivileges: false,
      ownUsers: false,
      setId: false,
      ...who,
    },
  }
}

function path(at: string, more: Partial<RefusedPath> = {}): RefusedPath {
  return {
    given: at,
    path: at,
    kind: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    way: [{ path: '/', mode: 0o755, uid: 0, gid: 0 }],
    mount: { point: '/', type: 'overlay', options: ['rw'] },
    ...more,
  }
}

const nobody = { uid: 7, gid: 7, effective: capabilityMask([]) }

describe('judge', () => {
  const rows: readonly [what: string, Refusal, JudgedContainer, by: RefusedBy, flag: string | undefined][] = [
    ['a call that a capability opens', refusal('mount'), container(), 'seccomp', '--cap-add SYS_ADMIN'],
    ['the narrower of two capabilities', refusal('bpf'), container(), 'seccomp', '--cap-add BPF'],
    ['a call that nothing opens', refusal('keyctl'), container(), 'seccomp', '--security-opt seccomp=FILE'],
    ['an argument', refusal('socket', { args: [38n, 5n] }), container(), 'seccomp', '--security-opt seccomp=FILE'],
    [
      'the same call without a filter',
      refusal('mount', { paths: [path('/mnt', { kind: 'directory' })] }),
      container({ seccomp: 'unconfined' }),
      'capability',
      '--cap-add SYS_ADMIN',
    ],
    ['a user who is not root', refusal('chown', { who: nobody }), container(), 'capability', '--user root'],
    [
      'a set-user-ID program that may gain nothing',
      refusal('setuid', { who: { ...nobody, noNewPrivileges: true, setId: true } }),
      container(),
      'no-new-privileges',
      'no --security-opt no-new-privileges',
    ],
    [
      'a capability over its own users only',
      refusal('mknod', { who: { ownUsers: true } }),
      container(),
      'user-namespace',
      '--userns host',
    ],
    [
      'a profile of AppArmor, where nothing else is in the way',
      refusal('open', { error: 'EACCES', paths: [path('/f')], who: { apparmor: 'docker-default (enforce)' } }),
      container(),
      'apparmor',
      '--security-opt apparmor=unconfined',
    ],
    [
      'a file of somebody else',
      refusal('openat', { error: 'EACCES', args: [0n, 0n, 0n], paths: [path('/f', { mode: 0o600 })], who: nobody }),
      container(),
      'file-permission',
      '--user root',
    ],
    [
      'a directory on the way',
      refusal('openat', {
        error: 'EACCES',
        paths: [path('/d/f', { way: [{ path: '/d', mode: 0o700, uid: 5, gid: 5 }] })],
        who: nobody,
      }),
      container(),
      'file-permission',
      '--user 5:5',
    ],
    [
      'a setting that a namespace has',
      refusal('openat', {
        error: 'EROFS',
        paths: [
          path('/proc/sys/net/ipv4/tcp_fin_timeout', { mount: { point: '/proc/sys', type: 'proc', options: ['ro'] } }),
        ],
      }),
      container(),
      'read-only',
      '--sysctl net.ipv4.tcp_fin_timeout=VALUE',
    ],
    [
      'a setting of the host',
      refusal('openat', {
        error: 'EROFS',
        paths: [path('/proc/sys/kernel/panic', { mount: { point: '/proc/sys', type: 'proc', options: ['ro'] } })],
      }),
      container(),
      'read-only',
      '--security-opt systempaths=unconfined',
    ],
    [
      'the root that was asked to be read-only',
      refusal('mkdir', {
        error: 'EROFS',
        paths: [path('/etc/x', { kind: 'absent', mount: { point: '/', type: 'overlay', options: ['ro'] } })],
      }),
      container(),
      'read-only',
      '--tmpfs /etc',
    ],
    [
      'a hidden path',
      refusal('mkdir', {
        error: 'EROFS',
        paths: [path('/sys/firmware/x', { mount: { point: '/sys/firmware', type: 'tmpfs', options: ['ro'] } })],
      }),
      container(),
      'masked-path',
      '--security-opt systempaths=unconfined',
    ],
    [
      'a device without a rule',
      refusal('openat', { paths: [path('/dev/sda', { kind: 'block', device: { major: 8, minor: 0 } })] }),
      container(),
      'device',
      "--device-cgroup-rule 'b 8:0 rwm'",
    ],
    [
      'a low port',
      refusal('bind', { error: 'EACCES', address: { family: 2, port: 80 }, who: nobody }),
      container(),
      'capability',
      '--user root',
    ],
    ['what this kernel has not', refusal('listmount', { error: 'ENOSYS' }), container(), 'kernel', undefined],
    ['what no flag changes', refusal('open', { paths: [path('/f')] }), container(), 'kernel', undefined],
  ]
  for (const [what, refused, of, by, flag] of rows) {
    test(`${what}: ${by}`, () => {
      const verdict = judge(refused, of)
      assert.equal(verdict?.by, by)
      const [first] = verdict.remedies
      if (flag === undefined) assert.equal(first, undefined)
      else assert.ok(first !== undefined && flagOf(first).startsWith(flag), JSON.stringify(first))
    })
  }

  test('programs work around what the filter says is not there', () => {
    assert.equal(judge(refusal('clone3', { error: 'ENOSYS' }), container()), undefined)
  })

  test('the profile of a remedy lets the call through, and stays as it was else', () => {
    const [remedy] = judge(refusal('keyctl'), container())?.remedies ?? []
    assert.ok(remedy?.kind === 'seccomp')
    const { syscalls } = JSON.parse(remedy.profile) as { syscalls: { names: string[]; action: string }[] }
    assert.deepEqual(syscalls.at(-1), { names: ['keyctl'], action: 'SCMP_ACT_ALLOW' })
    assert.equal(syscalls.length, dockerProfile.rules.length + 1)
  })

  test('remedies by which a command may act on the host are known as such', () => {
    assert.ok(reachesHost({ kind: 'capability', name: 'CAP_SYS_TIME' }))
    assert.ok(reachesHost({ kind: 'system-paths' }))
    assert.ok(!reachesHost({ kind: 'capability', name: 'CAP_CHOWN' }))
  })
})
