import type { ContainerConfig, ContainerInspect, ContainerSummary, HostConfig } from '@gantry/client'
import type { ContainerRecord, Engine } from '@gantry/engine'
import { mountPoints } from './container-mounts.ts'
import { endpointSettings, networkMode, portMap, portSummaries } from './container-networks.ts'
import { healthConfig } from './container-health.ts'
import { containerState, statusText } from './container-status.ts'
import { blankHostConfig } from './host-config.ts'
import { faceOf } from './face.ts'
import { shownUsers } from './users-request.ts'
import { timeText } from './times.ts'

/** One row of `GET /containers/json`. */
export function containerSummary(
  record: ContainerRecord,
  { engine, now }: { engine: Engine; now: number },
): ContainerSummary {
  const { id, name, spec, image, created, status } = record
  return {
    Id: id,
    Names: [`/${name}`],
    Image: spec.image,
    ImageID: image.id,
    Command: [...spec.entrypoint, ...spec.command].join(' '),
    Created: Math.floor(created / 1000),
    Ports: portSummaries(record),
    Labels: { ...spec.labels },
    State: status,
    Status: statusText(record, now),
    HostConfig: { NetworkMode: networkMode(record) },
    NetworkSettings: { Networks: endpointSettings(record) },
    Mounts: mountPoints(spec.mounts, (volume) => engine.volumePath(volume)),
  }
}

/** The answer of `GET /containers/{id}/json`. */
export function containerInspect(
  record: ContainerRecord,
  { engine, directory, logPath }: { engine: Engine; directory: string; logPath: string },
): ContainerInspect {
  const { id, name, spec, image, created, progress } = record
  const [path = '', ...args] = [...spec.entrypoint, ...spec.command]
  const networks = endpointSettings(record)
  const first = progress.endpoints[0]
  const execs = engine.execsOf(id)
  return {
    Id: id,
    Created: timeText(created),
    Path: path,
    Args: args,
    State: containerState(record),
    Image: image.id,
    ResolvConfPath: `${directory}/resolv.conf`,
    HostnamePath: `${directory}/hostname`,
    HostsPath: `${directory}/hosts`,
    LogPath: spec.log?.driver === 'none' ? '' : logPath,
    LogFormat: spec.log?.driver === 'none' ? '' : 'k8s-file',
    Name: `/${name}`,
    RestartCount: progress.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: spec.security.apparmor ?? '',
    ExecIDs: execs.length === 0 ? null : [...execs],
    HostConfig: hostConfig(record),
    GraphDriver: { Name: 'overlay2', Data: null },
    Mounts: mountPoints(spec.mounts, (volume) => engine.volumePath(volume)),
    Config: config(record),
    NetworkSettings: {
      Bridge: '',
      SandboxID: first?.endpointId ?? '',
      SandboxKey: first?.netns ?? '',
      Ports: portMap(record),
      EndpointID: first?.endpointId ?? '',
      Gateway: first?.gateway ?? '',
      IPAddress: first?.address ?? '',
      IPPrefixLen: first?.prefixLength ?? 0,
      MacAddress: first?.mac ?? '',
      IPv6Gateway: first?.gateway6 ?? '',
      GlobalIPv6Address: first?.address6 ?? '',
      GlobalIPv6PrefixLen: first?.prefixLength6 ?? 0,
      Networks: networks,
    },
  }
}

function config({ spec }: ContainerRecord): ContainerConfig {
  const { config: asked } = faceOf(spec)
  return {
    Hostname: spec.hostname,
    Domainname: spec.domainname,
    User: spec.user,
    AttachStdin: asked.AttachStdin ?? false,
    AttachStdout: asked.AttachStdout ?? false,
    AttachStderr: asked.AttachStderr ?? false,
    ...(spec.exposed.length === 0 ? {} : { ExposedPorts: Object.fromEntries(spec.exposed.map((port) => [port, {}])) }),
    Tty: spec.terminal,
    OpenStdin: spec.stdin,
    StdinOnce: spec.stdinOnce,
    Env: [...spec.env],
    Cmd: spec.command.length === 0 ? null : [...spec.command],
    Image: spec.image,
    Volumes: asked.Volumes ?? null,
    WorkingDir: spec.workingDirectory === '/' ? '' : spec.workingDirectory,
    Entrypoint: spec.entrypoint.length === 0 ? null : [...spec.entrypoint],
    OnBuild: null,
    ...(spec.health === undefined ? {} : { Healthcheck: healthConfig(spec.health) }),
    Labels: { ...spec.labels },
    StopSignal: spec.stopSignal,
    StopTimeout: spec.stopTimeout,
  }
}

function hostConfig(record: ContainerRecord): HostConfig {
  const { spec } = record
  return {
    ...blankHostConfig,
    ...faceOf(spec).hostConfig,
    ...(spec.log === undefined ? {} : { LogConfig: { Type: spec.log.driver, Config: { ...spec.log.options } } }),
    ...shownUsers(spec),
    NetworkMode: networkMode(record),
    AutoRemove: spec.autoRemove,
    Init: spec.init ? true : null,
    RestartPolicy: { Name: spec.restart.name, MaximumRetryCount: spec.restart.maximumRetries },
  }
}
