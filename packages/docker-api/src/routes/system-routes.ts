import { hostname } from 'node:os'
import type { SystemDiskUsage, SystemInfo, VersionInfo } from '@gantry/client'
import { directoryBytes } from '../translate/directory-bytes.ts'
import { json, type Reply } from '../http/message.ts'
import type { Route } from '../http/router.ts'
import { formatVersion, newestVersion, oldestVersion } from '../http/version.ts'
import type { DockerApiParts } from '../parts.ts'
import { timeText } from '../translate/times.ts'

/** Questions about the daemon itself. */
export function systemRoutes(parts: DockerApiParts): readonly Route[] {
  return [
    ['GET', /^\/_ping$/, () => ping('OK')],
    ['HEAD', /^\/_ping$/, () => ping('')],
    ['GET', /^\/version$/, () => json(version(parts))],
    ['GET', /^\/info$/, async () => json(await info(parts))],
    ['GET', /^\/system\/df$/, async () => json(await diskUsage(parts))],
    ['GET', /^\/plugins$/, () => json([])],
    ['POST', /^\/auth$/, () => json({ Status: 'Login Succeeded', IdentityToken: '' })],
  ]
}

function ping(text: string): Reply {
  return { kind: 'text', status: 200, text, headers: { 'Cache-Control': 'no-cache', Pragma: 'no-cache' } }
}

function version({ version: own, host, runtimeName }: DockerApiParts): VersionInfo {
  return {
    Platform: { Name: 'Gantry' },
    Version: own,
    ApiVersion: formatVersion(newestVersion),
    MinAPIVersion: formatVersion(oldestVersion),
    GitCommit: '',
    GoVersion: '',
    Os: 'linux',
    Arch: host.arch,
    KernelVersion: host.kernel,
    BuildTime: '',
    Components: [
      {
        Name: 'Engine',
        Version: own,
        Details: {
          Os: 'linux',
          Arch: host.arch,
          KernelVersion: host.kernel,
          ApiVersion: formatVersion(newestVersion),
          MinAPIVersion: formatVersion(oldestVersion),
        },
      },
      { Name: 'node', Version: process.versions.node },
      { Name: runtimeName, Version: '' },
    ],
  }
}

async function info(parts: DockerApiParts): Promise<SystemInfo> {
  const { engine, images, host, site, version: own, runtimeName, clock } = parts
  const containers = engine.list({ all: true })
  const count = (status: string): number => containers.filter((each) => each.status === status).length
  const running = count('running')
  const paused = count('paused')
  return {
    ID: site.instance,
    Containers: containers.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: containers.length - running - paused,
    Images: (await images.list()).length,
    Driver: 'overlay2',
    DriverStatus: [['Backing Filesystem', 'overlayfs']],
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'null'],
      Authorization: null,
      Log: ['journald', 'json-file', 'local', 'none'],
    },
    MemoryLimit: host.cgroup.controllers.includes('memory'),
    SwapLimit: false,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: host.cgroup.controllers.includes('cpuset'),
    PidsLimit: host.cgroup.controllers.includes('pids'),
    IPv4Forwarding: true,
    Debug: false,
    NFd: 0,
    OomKillDisable: false,
    NGoroutines: 0,
    SystemTime: timeText(clock.now()),
    LoggingDriver: engine.defaultLog.driver,
    CgroupDriver: host.cgroup.manager,
    CgroupVersion: host.cgroup.mode === 'v2' ? '2' : '1',
    NEventsListener: engine.watchers,
    KernelVersion: host.kernel,
    OperatingSystem: host.distribution,
    OSVersion: '',
    OSType: 'linux',
    Architecture: architecture(host.arch),
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: { InsecureRegistryCIDRs: ['127.0.0.0/8'], IndexConfigs: {}, Mirrors: [] },
    NCPU: host.cpus,
    MemTotal: host.memory,
    DockerRootDir: site.root,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: hostname(),
    Labels: [],
    ExperimentalBuild: parts.experimental ?? false,
    ServerVersion: own,
    Runtimes: { [runtimeName]: { path: runtimeName } },
    DefaultRuntime: runtimeName,
    Swarm: { LocalNodeState: 'inactive', NodeID: '', NodeAddr: '', ControlAvailable: false, Error: '' },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: 'catatonit',
    SecurityOptions: [
      ...(host.apparmor ? ['name=apparmor'] : []),
      ...(host.seccomp ? ['name=seccomp,profile=builtin'] : []),
      ...(host.cgroup.mode === 'v2' ? ['name=cgroupns'] : []),
    ],
    Warnings: [],
  }
}

/** As `uname -m` names it. */
function architecture(arch: string): string {
  return arch === 'amd64' ? 'x86_64' : arch === 'arm64' ? 'aarch64' : arch
}

async function diskUsage({ engine, images, buildCache }: DockerApiParts): Promise<SystemDiskUsage> {
  const content = await images.diskUsage()
  const records = engine.list({ all: true })
  const inUse = records.flatMap(({ spec }) =>
    spec.mounts.flatMap((mount) => (mount.type === 'volume' ? [mount.name] : [])),
  )
  return {
    LayersSize: content.LayersSize,
    Images: content.Images,
    Containers: await Promise.all(
      records.map(async ({ id, name, spec, status, created }) => ({
        Id: id,
        Names: [`/${name}`],
        Image: spec.image,
        State: status,
        Status: status,
        Created: Math.floor(created / 1000),
        SizeRw: await engine.usage(id).catch(() => 0),
      })),
    ),
    Volumes: await Promise.all(
      engine.listVolumes().map(async ({ name }) => ({
        Name: name,
        Driver: 'local',
        Mountpoint: engine.volumePath(name),
        UsageData: {
          Size: await directoryBytes(engine.volumePath(name)),
          RefCount: inUse.filter((each) => each === name).length,
        },
      })),
    ),
    BuildCache: [...((await buildCache?.()) ?? [])],
    Content: content,
  }
}
