import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { JsonSchemas } from '../test/json-schema.ts'
import { defaultSpec, type SpecOptions } from './default-spec.ts'
import { rootlessSpec } from './rootless-spec.ts'

// Debian's package golang-github-opencontainers-specs-dev; another copy of the specification's schema/ directory by the variable.
const directory =
  process.env['GANTRY_TEST_OCI_SCHEMA'] ?? '/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema'
const missing = existsSync(directory) ? false : `needs the schema of the OCI runtime specification in ${directory}`

const path = fc.constantFrom('/data', '/a/b c', '/ü', '/proc/x')
const name = fc.stringMatching(/^[a-z][a-z0-9.]{0,8}$/)
const id = fc.integer({ min: 0, max: 2 ** 31 - 1 })
const device = { major: fc.nat(4095), minor: fc.nat(65_535) }
const rates = fc.array(fc.record({ ...device, rate: fc.nat() }))
const namespace = fc.oneof(fc.constantFrom('private' as const, 'host' as const), fc.constant({ path: '/proc/7/ns/x' }))
const mounts = fc.array(
  fc.oneof(
    fc.record({
      destination: path,
      type: fc.constant('bind'),
      source: path,
      options: fc.subarray(['rbind', 'bind', 'ro', 'rro', 'rw', 'rprivate', 'rshared', 'slave', 'z']),
    }),
    fc.record({
      destination: path,
      type: fc.constant('tmpfs'),
      source: fc.constant('tmpfs'),
      options: fc.subarray(['nosuid', 'nodev', 'noexec', 'size=1m', 'mode=1777']),
    }),
  ),
)
const limits = fc.record(
  {
    memory: fc.integer({ min: 6 * 1024 * 1024, max: 2 ** 45 }),
    memorySwap: fc.integer({ min: -1, max: 2 ** 45 }),
    memoryReservation: fc.nat(),
    memorySwappiness: fc.nat(100),
    oomKillDisable: fc.boolean(),
    cpus: fc.double({ min: 0.01, max: 64, noNaN: true }),
    cpuShares: fc.nat(262_144),
    cpuRtRuntime: fc.nat(),
    cpuRtPeriod: fc.nat(),
    cpusetCpus: fc.constantFrom('0', '0-1,3'),
    cpusetMems: fc.constant('0'),
    pids: fc.integer({ min: -1, max: 10_000 }),
  },
  { requiredKeys: [] },
)
const host = fc.record({
  arch: fc.constantFrom('amd64', 'arm64', 'riscv64', 's390x', 'mips64'),
  kernel: fc.constantFrom('4.4.0', '5.10.0-8', '6.18.44'),
  cgroup: fc.record({ mode: fc.constantFrom('v1' as const, 'hybrid' as const, 'v2' as const) }),
  limitsSwap: fc.boolean(),
  apparmor: fc.boolean(),
})
const options = fc.record(
  {
    host,
    rootfs: path,
    args: fc.array(fc.string(), { minLength: 1 }),
    cgroupsPath: fc.constantFrom('/gantry/x', 'machine.slice:gantry:x'),
    readonlyRootfs: fc.boolean(),
    env: fc.array(name.map((each) => `${each}=v`)),
    cwd: path,
    user: fc.record({ uid: id, gid: id, additionalGids: fc.array(id) }),
    terminal: fc.boolean(),
    consoleSize: fc.record({ height: fc.nat(9999), width: fc.nat(9999) }),
    hostname: name,
    domainname: name,
    network: namespace,
    pid: namespace,
    ipc: namespace,
    uts: namespace,
    cgroupNamespace: namespace,
    files: fc.record({ hosts: path, hostname: path, resolvConf: path }, { requiredKeys: [] }),
    mounts,
    shmSize: fc.nat(),
    init: fc.constant('/usr/bin/catatonit'),
    limits,
    blockIO: fc.record(
      {
        weight: fc.integer({ min: 10, max: 1000 }),
        weightDevice: fc.array(fc.record({ ...device, weight: fc.integer({ min: 10, max: 1000 }) })),
        throttleReadBpsDevice: rates,
        throttleWriteBpsDevice: rates,
        throttleReadIOPSDevice: rates,
        throttleWriteIOPSDevice: rates,
      },
      { requiredKeys: [] },
    ),
    capabilities: fc.record({
      add: fc.subarray(['CAP_SYS_ADMIN', 'ALL', 'CAP_NET_ADMIN']),
      drop: fc.subarray(['ALL', 'CAP_CHOWN']),
    }),
    noNewPrivileges: fc.boolean(),
    privileged: fc.boolean(),
    seccomp: fc.constantFrom('default' as const, 'unconfined' as const),
    apparmorProfile: name,
    sysctls: fc.dictionary(name, name),
    rlimits: fc.array(
      fc.record({ type: fc.constantFrom('RLIMIT_NOFILE', 'RLIMIT_CORE'), soft: fc.nat(), hard: fc.nat() }),
    ),
    oomScoreAdj: fc.integer({ min: -1000, max: 1000 }),
    devices: fc.array(
      fc.record({
        path,
        type: fc.constantFrom('b' as const, 'c' as const),
        ...device,
        fileMode: fc.nat(0o777),
        uid: id,
        gid: id,
      }),
    ),
    deviceRules: fc.array(
      fc.record({
        allow: fc.boolean(),
        type: fc.constantFrom('a' as const, 'b' as const, 'c' as const),
        ...device,
        access: fc.constantFrom('r', 'rwm'),
      }),
    ),
    maskedPaths: fc.array(path),
    readonlyPaths: fc.array(path),
    annotations: fc.dictionary(name, fc.string()),
    rootfsPropagation: fc.constantFrom('private', 'slave', 'shared'),
  },
  { requiredKeys: ['host', 'rootfs', 'args', 'cgroupsPath'] },
) as fc.Arbitrary<SpecOptions>
const runs = Number(process.env['GANTRY_FUZZ_RUNS'] ?? 300)

describe("the runtime's configuration fits the schema of the OCI runtime specification", { skip: missing }, () => {
  const schemas = new JsonSchemas(directory)
  const findings = (spec: unknown): readonly string[] =>
    schemas.findings('config-schema.json', JSON.parse(JSON.stringify(spec)))

  test('for whatever a container is asked to be', () => {
    fc.assert(
      fc.property(options, (asked) => {
        assert.deepEqual(findings(defaultSpec(asked)), [])
      }),
      { numRuns: runs },
    )
  })

  test('without root', () => {
    fc.assert(
      fc.property(options, fc.boolean(), fc.boolean(), (asked, ownProc, single) => {
        // Where there is one id only, there is no other user to be.
        const spec = defaultSpec(single ? { ...asked, user: { uid: 0, gid: 0 } } : asked)
        const { mode } = asked.host.cgroup
        assert.deepEqual(findings(rootlessSpec(spec, { privileges: { single }, cgroup: { mode }, ownProc })), [])
      }),
      { numRuns: runs },
    )
  })

  // The test of the test: each of these is seen.
  const base: SpecOptions = {
    host: { arch: 'amd64', kernel: '6.1.0', cgroup: { mode: 'v2' } },
    rootfs: '/r',
    args: ['sh'],
    cgroupsPath: '/x',
  }
  const spec = defaultSpec(base)
  const wrong: readonly (readonly [what: string, value: unknown])[] = [
    ['no version', { ...spec, ociVersion: undefined }],
    ['a member that no runtime reads', { ...spec, linux: { ...spec.linux, maskedPath: [] } }],
    ['a user by name', { ...spec, process: { ...spec.process, user: { uid: 'root', gid: 0 } } }],
    ['a variable without a value', { ...spec, process: { ...spec.process, env: 'A=b' } }],
    ['a namespace that there is not', { ...spec, linux: { ...spec.linux, namespaces: [{ type: 'net' }] } }],
    ['a mount without a destination', { ...spec, mounts: [{ source: '/x' }] }],
    [
      'a rate without a device',
      { ...spec, linux: { ...spec.linux, resources: { blockIO: { throttleReadBpsDevice: [{ rate: 1 }] } } } },
    ],
  ]
  for (const [what, value] of wrong) {
    test(`and ${what} is found`, () => {
      assert.notDeepEqual(findings(value), [])
    })
  }
})
