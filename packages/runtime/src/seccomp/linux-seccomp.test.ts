import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defaultCapabilities } from '../spec/capabilities.ts'
import { dockerProfile } from './docker-profile.ts'
import { linuxSeccomp } from './linux-seccomp.ts'

const target = { arch: 'amd64', kernel: '6.1.0-18-amd64', capabilities: defaultCapabilities }

function actionsOf(name: string, capabilities: readonly string[] = defaultCapabilities): readonly string[] {
  const { syscalls = [] } = linuxSeccomp(dockerProfile, { ...target, capabilities })
  return syscalls.filter((rule) => rule.names.includes(name)).map((rule) => rule.action)
}

describe("Docker's seccomp profile", () => {
  test('has the rules and names of Docker Engine 29', () => {
    assert.equal(dockerProfile.rules.length, 33)
    assert.equal(dockerProfile.rules[0]?.names.length, 361)
    assert.equal(new Set(dockerProfile.rules.flatMap((rule) => rule.names)).size, 426)
  })

  test('refuses by default with EPERM', () => {
    const seccomp = linuxSeccomp(dockerProfile, target)
    assert.equal(seccomp.defaultAction, 'SCMP_ACT_ERRNO')
    assert.equal(seccomp.defaultErrnoRet, 1)
  })

  test('knows the sub-architectures of the machine', () => {
    assert.deepEqual(linuxSeccomp(dockerProfile, target).architectures, [
      'SCMP_ARCH_X86_64',
      'SCMP_ARCH_X86',
      'SCMP_ARCH_X32',
    ])
    // libseccomp ends who makes calls of an ABI that a filter does not name; the kernel would answer ENOSYS.
    assert.deepEqual(linuxSeccomp(dockerProfile, { ...target, x32: false }).architectures, [
      'SCMP_ARCH_X86_64',
      'SCMP_ARCH_X86',
    ])
    const arm = linuxSeccomp(dockerProfile, { ...target, arch: 'arm64' })
    assert.deepEqual(arm.architectures, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'])
  })

  for (const [name, capability] of [
    ['mount', 'CAP_SYS_ADMIN'],
    ['bpf', 'CAP_BPF'],
    ['settimeofday', 'CAP_SYS_TIME'],
    ['init_module', 'CAP_SYS_MODULE'],
  ] as const) {
    test(`allows ${name} only with ${capability}`, () => {
      assert.deepEqual(actionsOf(name), [])
      assert.deepEqual(actionsOf(name, [...defaultCapabilities, capability]), ['SCMP_ACT_ALLOW'])
    })
  }

  test('lets clone3 fail with ENOSYS, but for CAP_SYS_ADMIN', () => {
    assert.deepEqual(actionsOf('clone3'), ['SCMP_ACT_ERRNO'])
    assert.deepEqual(actionsOf('clone3', ['CAP_SYS_ADMIN']), ['SCMP_ACT_ALLOW'])
  })

  test('lets sockets of every family through but AF_ALG and AF_VSOCK', () => {
    const { syscalls = [] } = linuxSeccomp(dockerProfile, target)
    const tests = syscalls.filter((rule) => rule.names.includes('socket')).map((rule) => rule.args?.[0])
    assert.deepEqual(
      tests.map((each) => `${each?.op} ${String(each?.value)}`),
      ['SCMP_CMP_LT 38', 'SCMP_CMP_EQ 39', 'SCMP_CMP_GT 40'],
    )
  })

  test('refuses io_uring and the kernel keyring', () => {
    for (const name of ['io_uring_setup', 'io_uring_enter', 'add_key', 'keyctl'])
      assert.deepEqual(actionsOf(name), [], name)
  })

  test('allows ptrace from kernel 4.8 on', () => {
    assert.deepEqual(actionsOf('ptrace'), ['SCMP_ACT_ALLOW'])
    const old = linuxSeccomp(dockerProfile, { ...target, kernel: '4.4.0' })
    assert.equal(
      old.syscalls?.some((rule) => rule.names.includes('ptrace')),
      false,
    )
  })

  test('is converted once for a target', () => {
    assert.equal(linuxSeccomp(dockerProfile, target), linuxSeccomp(dockerProfile, { ...target }))
  })
})
