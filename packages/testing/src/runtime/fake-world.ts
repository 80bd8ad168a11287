import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createEngine,
  EngineError,
  engineMigrations,
  type Clock,
  type Engine,
  type EnginePorts,
  type LocalImage,
} from '@gantry/engine'
import { createLedger, ledgerMigrations, type Host, type Ledger, type Site } from '@gantry/linux'
import type { ContainerConfig, Digest } from '@gantry/oci'
import { openState, type State } from '@gantry/state'
import { fakeClock, type FakeClock } from './fake-clock.ts'
import { fakeNetworks } from './fake-networks.ts'
import type { FakeProgram } from './fake-program.ts'
import { fakeRuntime, type FakeRuntime } from './fake-runtime.ts'
import { fakeSnapshots } from './fake-snapshots.ts'

/** An engine whose runtime, networks, snapshots, images and clock are fakes; database and ledger are real, in a directory of its own. */
export interface FakeWorld extends AsyncDisposable {
  readonly engine: Engine
  readonly clock: FakeClock
  readonly runtime: FakeRuntime
  readonly networks: ReturnType<typeof fakeNetworks>
  readonly snapshots: ReturnType<typeof fakeSnapshots>
  readonly ledger: Ledger
  readonly state: State
  readonly site: Site
  readonly host: Host
  /** What the engine logged. */
  readonly logged: readonly string[]
  /** Another engine over the same database and containers, as after the daemon was killed. */
  restarted(): Engine
}

/** Makes a fake world; `images` are configurations by name. */
export function fakeWorld(
  options: {
    images?: Readonly<Record<string, ContainerConfig>>
    programs?: Readonly<Record<string, FakeProgram>>
    clock?: FakeClock
  } = {},
): FakeWorld {
  const root = mkdtempSync(join(tmpdir(), 'gantry-fake-'))
  const site: Site = { root, run: join(root, 'run'), socket: join(root, 'run', 'gantry.sock'), instance: 'gantry-fake' }
  const template = join(root, 'template')
  mkdirSync(join(template, 'etc'), { recursive: true })
  writeFileSync(join(template, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n')
  writeFileSync(join(template, 'etc/group'), 'root:x:0:\nwheel:x:10:root,user\nuser:x:1000:\n')
  const state = openState(join(root, 'state.db'), [ledgerMigrations, engineMigrations])
  const clock = options.clock ?? fakeClock()
  const runtime = fakeRuntime({ clock, ...(options.programs === undefined ? {} : { programs: options.programs }) })
  const networks = fakeNetworks()
  const snapshots = fakeSnapshots({ root: join(root, 'snapshots'), template })
  const logged: string[] = []
  const ledger = createLedger({ state })
  // The sleeps of an engine that was killed never end.
  let generation = 0
  const clockOf = (own: number): Clock => ({
    now: () => clock.now(),
    sleep: async (milliseconds, signal) => {
      await clock.sleep(milliseconds, signal)
      if (own !== generation) await new Promise<never>(() => undefined)
    },
  })
  const ports: EnginePorts = {
    site,
    host: fakeHost,
    state,
    ledger,
    snapshots,
    networks,
    runtime,
    images: fakeImages(options.images ?? { busybox: { Cmd: ['sh'] } }),
    clock: clockOf(0),
    log: (message, error) => {
      logged.push(error instanceof Error ? `${message}: ${error.message}` : message)
    },
  }
  return {
    engine: createEngine(ports),
    clock,
    runtime,
    networks,
    snapshots,
    ledger,
    state,
    site,
    host: fakeHost,
    logged,
    restarted: () => {
      generation++
      return createEngine({
        ...ports,
        runtime: runtime.reopen(),
        ledger: createLedger({ state }),
        clock: clockOf(generation),
      })
    },
    [Symbol.asyncDispose]: async () => {
      state[Symbol.dispose]()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

function fakeImages(images: Readonly<Record<string, ContainerConfig>>): EnginePorts['images'] {
  return {
    open: async (reference): Promise<LocalImage> => {
      const config = images[reference]
      if (config === undefined) throw new EngineError('IMAGE_UNKNOWN', `No such image: ${reference}:latest`)
      const digest = `sha256:${Buffer.from(reference).toString('hex').padEnd(64, '0').slice(0, 64)}` as Digest
      return {
        id: digest,
        descriptor: { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 2 },
        config: { architecture: 'amd64', os: 'linux', config, rootfs: { type: 'layers', diff_ids: [] } },
        chain: undefined,
      }
    },
    commit: async () => {
      throw new EngineError('NOT_SUPPORTED', 'The fake world has no images to add to')
    },
    hold: () => undefined,
    letGo: () => undefined,
  }
}

const fakeHost: Host = {
  kernel: '6.1.0',
  kernelVersion: [6, 1],
  arch: 'amd64',
  uid: 0,
  privileges: { mounts: true, machine: true, owners: true, single: false, idMap: '' },
  cgroup: {
    mode: 'v2',
    manager: 'cgroupfs',
    controllers: ['cpu', 'memory', 'pids'],
    unified: '/sys/fs/cgroup',
    hierarchies: [],
  },
  systemd: false,
  tools: {
    crun: undefined,
    runc: undefined,
    conmon: undefined,
    nft: undefined,
    ip: undefined,
    'aardvark-dns': undefined,
    catatonit: '/usr/bin/catatonit',
    systemctl: undefined,
    iptables: undefined,
    ufw: undefined,
    'firewall-cmd': undefined,
    apparmor_parser: undefined,
    criu: undefined,
    newuidmap: undefined,
  },
  runtime: 'runc',
  apparmor: false,
  selinux: false,
  seccomp: true,
  overlay: true,
  x32: true,
  userNamespaces: true,
  memory: 8 * 2 ** 30,
  cpus: 2,
  bootId: 'fake',
  packageManager: undefined,
  neighbours: { docker: false, firewalld: false, ufw: false },
  distribution: 'Fake 1',
}
