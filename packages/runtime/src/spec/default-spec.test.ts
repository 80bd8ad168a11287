import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { availableCapabilities } from './host-limits.ts'
import { defaultSpec, type SpecOptions } from './default-spec.ts'

const host = { arch: 'amd64', kernel: '6.1.0', cgroup: { mode: 'v2' } } as const
const options: SpecOptions = { host, rootfs: '/r', args: ['sh'], cgroupsPath: '/gantry/x' }

describe('defaultSpec', () => {
  test('mounts in Docker’s order, the user’s last', () => {
    const spec = defaultSpec({
      ...options,
      files: { resolvConf: '/c/resolv.conf', hostname: '/c/hostname', hosts: '/c/hosts' },
      mounts: [{ destination: '/data', type: 'bind', source: '/d' }],
    })
    assert.deepEqual(
      spec.mounts.map(({ destination }) => destination),
      [
        '/proc',
        '/dev',
        '/dev/pts',
        '/sys',
        '/sys/fs/cgroup',
        '/dev/mqueue',
        '/dev/shm',
        '/etc/resolv.conf',
        '/etc/hostname',
        '/etc/hosts',
        '/data',
      ],
    )
  })

  test('lets a mount of the user replace a default one', () => {
    const spec = defaultSpec({ ...options, mounts: [{ destination: '/dev/shm', type: 'tmpfs', source: 'big' }] })
    assert.deepEqual(
      spec.mounts.filter(({ destination }) => destination === '/dev/shm').map(({ source }) => source),
      ['big'],
    )
  })

  test('has a cgroup namespace on v2 only', () => {
    const types = (mode: 'v1' | 'v2'): string[] =>
      defaultSpec({ ...options, host: { ...host, cgroup: { mode } } }).linux.namespaces.map(({ type }) => type)
    assert.equal(types('v2').includes('cgroup'), true)
    assert.deepEqual(types('v1'), ['mount', 'network', 'uts', 'pid', 'ipc'])
  })

  test('sets the network’s parameters unless it is the host’s', () => {
    assert.deepEqual(defaultSpec(options).linux.sysctl, {
      'net.ipv4.ip_unprivileged_port_start': '0',
      'net.ipv4.ping_group_range': '0 2147483647',
    })
    const shared = defaultSpec({ ...options, network: 'host' })
    assert.equal(shared.linux.sysctl, undefined)
    assert.equal(
      shared.linux.namespaces.some(({ type }) => type === 'network'),
      false,
    )
  })

  test('joins a namespace by its path', () => {
    const spec = defaultSpec({ ...options, network: { path: '/run/netns/x' } })
    assert.deepEqual(
      spec.linux.namespaces.find(({ type }) => type === 'network'),
      { type: 'network', path: '/run/netns/x' },
    )
  })

  test('puts the init before the command', () => {
    const spec = defaultSpec({ ...options, init: '/usr/bin/catatonit' })
    assert.deepEqual(spec.process.args, ['/sbin/docker-init', '--', 'sh'])
    assert.deepEqual(spec.mounts.at(-1), {
      destination: '/sbin/docker-init',
      type: 'bind',
      source: '/usr/bin/catatonit',
      options: ['bind', 'ro'],
    })
  })

  test('turns limits into the kernel’s', () => {
    const spec = defaultSpec({
      ...options,
      host: { ...host, limitsSwap: true },
      limits: { memory: 64 * 2 ** 20, cpus: 1.5, pids: 9 },
    })
    assert.deepEqual(spec.linux.resources?.memory, { limit: 67_108_864, swap: 134_217_728 })
    assert.deepEqual(spec.linux.resources?.cpu, { quota: 150_000, period: 100_000 })
    assert.deepEqual(spec.linux.resources?.pids, { limit: 9 })
    assert.throws(() => defaultSpec({ ...options, limits: { memory: 1 } }), { code: 'SPEC_INVALID' })
  })

  test('leaves out a swap limit where the host has none', () => {
    assert.deepEqual(defaultSpec({ ...options, limits: { memory: 2 ** 25 } }).linux.resources?.memory, {
      limit: 2 ** 25,
    })
  })

  test('hides nothing from a privileged container', () => {
    const { linux, process } = defaultSpec({ ...options, privileged: true })
    assert.deepEqual([linux.maskedPaths, linux.readonlyPaths, linux.seccomp], [[], [], undefined])
    assert.deepEqual(process.capabilities?.bounding, availableCapabilities())
  })

  test('filters, masks and drops by default', () => {
    const { linux, process } = defaultSpec(options)
    assert.equal(process.capabilities?.bounding?.length, 14)
    assert.equal(linux.seccomp?.defaultAction, 'SCMP_ACT_ERRNO')
    assert.equal(linux.maskedPaths?.includes('/proc/kcore'), true)
    assert.equal(linux.readonlyPaths?.includes('/proc/sys'), true)
  })

  test('costs little: a thousand a second', () => {
    defaultSpec(options)
    const start = performance.now()
    for (let index = 0; index < 100; index++) JSON.stringify(defaultSpec(options))
    assert.ok(performance.now() - start < 500)
  })
})
