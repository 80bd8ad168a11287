import type { ContainerCreateBody, HostConfig, RestartPolicy } from '@gantry/client'
import type { ContainerFlags } from './container-flags.ts'
import type { FlagValues } from '../flags/flag.ts'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { userOf } from '@gantry/linux/site'
import { CliError } from '../cli-error.ts'
import { pairsOf } from '../flags/pairs-of.ts'
import { healthOf } from './health-of.ts'
import { ulimitOf } from './ulimit-of.ts'
import { deviceRequests, isCdiDevice } from './device-requests.ts'
import { deviceBytes, deviceOperations, deviceWeight } from './device-limits.ts'
import { parseSecret } from './parse-secret.ts'
import { parseMount } from './parse-mount.ts'
import { timeZoneMount } from './time-zone.ts'
import { parseExposed, parsePort } from './parse-port.ts'
import { readEnvironment, readLabels } from './read-env.ts'
import { networksOf } from './parse-network.ts'

/** What a container is created from: the flags, the image and the command after it. */
export interface CreateRequest {
  readonly flags: FlagValues<ContainerFlags>
  readonly image: string
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly detach: boolean
}

/**
 * Turns the command line of `run` or `create` into the body of `POST /containers/create`. Only what was said is in it:
 * the engine's defaults are the engine's.
 *
 * @throws CliError INVALID for values that do not parse or contradict each other.
 */
export function toCreateBody(request: CreateRequest): ContainerCreateBody {
  const { flags, image, command } = request
  const streams = attachedStreams(request)
  const exposed = flags.expose.flatMap(parseExposed)
  const published = flags.publish.flatMap(parsePort)
  const ports = [...exposed, ...published.map(({ port }) => port)]
  const anonymous = flags.volume.filter((volume) => !volume.includes(':'))
  const networks = networksOf(flags)
  const labels = readLabels(flags['label-file'], flags.label)
  const environment = readEnvironment(flags['env-file'], flags.env, request.env)
  const health = healthOf(flags)
  return withoutUndefined<ContainerCreateBody>({
    Image: image,
    Cmd: command.length === 0 ? undefined : [...command],
    Entrypoint: flags.entrypoint === undefined ? undefined : flags.entrypoint === '' ? [''] : [flags.entrypoint],
    Hostname: flags.hostname,
    Domainname: flags.domainname,
    User: flags.user,
    WorkingDir: flags.workdir,
    Env: environment.length === 0 ? undefined : environment,
    Labels: Object.keys(labels).length === 0 ? undefined : labels,
    Tty: flags.tty || undefined,
    OpenStdin: flags.interactive || undefined,
    StdinOnce: (flags.interactive && !request.detach) || undefined,
    AttachStdin: streams.stdin,
    AttachStdout: streams.stdout,
    AttachStderr: streams.stderr,
    ExposedPorts: ports.length === 0 ? undefined : Object.fromEntries(ports.map((port) => [port, {}])),
    Volumes: anonymous.length === 0 ? undefined : Object.fromEntries(anonymous.map((path) => [path, {}])),
    StopSignal: flags['stop-signal'],
    StopTimeout: flags['stop-timeout'],
    MacAddress: flags['mac-address'],
    Healthcheck: health,
    HostConfig: hostConfigOf(request, networks.mode, published),
    NetworkingConfig: networks.endpoints === undefined ? undefined : { EndpointsConfig: networks.endpoints },
  })
}

/** Which streams the caller wants to be attached to: all but standard input, unless `-i` or `-a` say otherwise. */
export function attachedStreams({ flags, detach }: Pick<CreateRequest, 'flags' | 'detach'>): {
  stdin: boolean
  stdout: boolean
  stderr: boolean
} {
  if (detach) {
    if (flags.attach.length > 0)
      throw new CliError('INVALID', 'conflicting options: cannot specify both --attach and --detach')
    return { stdin: false, stdout: false, stderr: false }
  }
  const named = flags.attach.map((stream) => stream.toLowerCase())
  if (named.length === 0) return { stdin: flags.interactive, stdout: true, stderr: true }
  return {
    stdin: named.includes('stdin') || (flags.interactive && named.length === 0),
    stdout: named.includes('stdout'),
    stderr: named.includes('stderr'),
  }
}

function hostConfigOf(
  request: CreateRequest,
  networkMode: string | undefined,
  published: ReturnType<typeof parsePort>,
): HostConfig {
  const { flags } = request
  const restart = restartPolicyOf(flags.restart ?? 'no')
  if (flags.rm && restart !== undefined)
    throw new CliError('INVALID', 'conflicting options: cannot specify both --restart and --rm')
  const bindings: NonNullable<HostConfig['PortBindings']> = {}
  for (const { port, binding } of published) bindings[port] = [...(bindings[port] ?? []), binding]
  const binds = flags.volume.filter((volume) => volume.includes(':')).map(absoluteBind)
  return withoutUndefined<HostConfig>({
    Annotations: pairsOf(flags.annotation, '--annotation'),
    AutoRemove: flags.rm || undefined,
    ...blockLimits(flags),
    CgroupParent: flags['cgroup-parent'],
    CgroupnsMode: flags.cgroupns,
    CpuRealtimePeriod: flags['cpu-rt-period'],
    CpuRealtimeRuntime: flags['cpu-rt-runtime'],
    DeviceCgroupRules: many(flags['device-cgroup-rule']),
    Isolation: flags.isolation,
    MemorySwappiness: flags['memory-swappiness'],
    OomKillDisable: flags['oom-kill-disable'] || undefined,
    StorageOpt: pairsOf(flags['storage-opt'], '--storage-opt'),
    VolumeDriver: flags['volume-driver'],
    VolumesFrom: many(flags['volumes-from']),
    Binds: many(binds),
    CapAdd: many(flags['cap-add']),
    CapDrop: many(flags['cap-drop']),
    ContainerIDFile: flags.cidfile,
    CpuPeriod: flags['cpu-period'],
    CpuQuota: flags['cpu-quota'],
    CpuShares: flags['cpu-shares'],
    CpusetCpus: flags['cpuset-cpus'],
    CpusetMems: flags['cpuset-mems'],
    Devices: many(flags.device.filter((each) => !isCdiDevice(each)).map(deviceOf)),
    DeviceRequests: many(deviceRequests(flags)),
    Dns: many(flags.dns),
    DnsOptions: many(flags['dns-option']),
    DnsSearch: many(flags['dns-search']),
    ExtraHosts: many(flags['add-host'].map(extraHostOf)),
    GroupAdd: many(flags['group-add']),
    Init: flags.init || undefined,
    IpcMode: flags.ipc,
    LogConfig: logConfigOf(flags),
    Memory: flags.memory,
    MemoryReservation: flags['memory-reservation'],
    MemorySwap: flags['memory-swap'],
    Mounts: many([...flags.mount.map(parseMount), ...(flags.tz === undefined ? [] : [timeZoneMount(flags.tz)])]),
    NanoCpus: flags.cpus === undefined ? undefined : Math.round(flags.cpus * 1e9),
    NetworkMode: networkMode,
    OomScoreAdj: flags['oom-score-adj'],
    PidMode: flags.pid,
    PidsLimit: flags['pids-limit'],
    PortBindings: Object.keys(bindings).length === 0 ? undefined : bindings,
    Privileged: flags.privileged || undefined,
    PublishMode: flags['publish-mode'],
    PublishAllPorts: flags['publish-all'] || undefined,
    ReadonlyRootfs: flags['read-only'] || undefined,
    RestartPolicy: restart,
    Runtime: flags.runtime,
    Secrets: many(flags.secret.map(parseSecret)),
    SecurityOpt: many(flags['security-opt'].map(securityOption)),
    ShmSize: flags['shm-size'],
    Sysctls: pairsOf(flags.sysctl, '--sysctl'),
    Tmpfs: flags.tmpfs.length === 0 ? undefined : Object.fromEntries(flags.tmpfs.map((entry) => cut(entry, ':'))),
    Umask: flags.umask,
    UTSMode: flags.uts,
    UsernsMode: flags.userns,
    IDMappings: idMappings(flags),
    Ulimits: many(flags.ulimit.map(ulimitOf)),
  })
}

function logConfigOf(flags: CreateRequest['flags']): HostConfig['LogConfig'] {
  const options = pairsOf(flags['log-opt'], '--log-opt')
  if (flags['log-driver'] === undefined && options === undefined) return undefined
  return { Type: flags['log-driver'] ?? '', Config: options ?? {} }
}

function blockLimits(flags: CreateRequest['flags']): { [K in keyof HostConfig]?: HostConfig[K] | undefined } {
  return {
    BlkioWeight: flags['blkio-weight'],
    BlkioWeightDevice: many(flags['blkio-weight-device'].map(deviceWeight)),
    BlkioDeviceReadBps: many(flags['device-read-bps'].map(deviceBytes)),
    BlkioDeviceWriteBps: many(flags['device-write-bps'].map(deviceBytes)),
    BlkioDeviceReadIOps: many(flags['device-read-iops'].map(deviceOperations)),
    BlkioDeviceWriteIOps: many(flags['device-write-iops'].map(deviceOperations)),
  }
}

/** Maps of a user namespace; with `keep-id`, whose ids are kept. */
function idMappings(flags: CreateRequest['flags']): HostConfig['IDMappings'] {
  const { userns = '', uidmap, gidmap, subuidname, subgidname } = flags
  const keeps = userns === 'keep-id' || userns.startsWith('keep-id:')
  const mappings = withoutUndefined<NonNullable<HostConfig['IDMappings']>>({
    UidMap: many(uidmap),
    GidMap: many(gidmap),
    SubuidName: subuidname,
    SubgidName: subgidname,
    Caller: keeps ? `${userOf(process.env)}:${process.getgid?.() ?? 0}` : undefined,
  })
  return Object.keys(mappings).length === 0 ? undefined : mappings
}

function many<T>(values: readonly T[]): T[] | undefined {
  return values.length === 0 ? undefined : [...values]
}

function withoutUndefined<T extends object>(value: { [K in keyof T]?: T[K] | undefined }): T {
  // What is undefined is left out, which is what the optional fields of T mean.
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** A bind whose source is a path gets an absolute one; a name stays the name of a volume. @throws CliError INVALID */
export function absoluteBind(volume: string): string {
  const [source, rest] = cut(volume, ':')
  if (source === '' || rest === '')
    throw new CliError('INVALID', `Cannot mount "${volume}": it is not SOURCE:TARGET[:OPTIONS]`)
  return `${source.startsWith('.') || source.startsWith('/') ? resolve(source) : source}:${rest}`
}

/** Reads `--restart`; `no` is undefined. @throws CliError INVALID */
export function restartPolicyOf(text: string): RestartPolicy | undefined {
  const [name, count] = cut(text, ':')
  if (text === 'no' || text === '') return undefined
  if (name === 'on-failure' && /^\d*$/.test(count)) return { Name: name, MaximumRetryCount: Number(count) }
  if ((name === 'always' || name === 'unless-stopped') && count === '') return { Name: name, MaximumRetryCount: 0 }
  throw new CliError(
    'INVALID',
    `Cannot use the restart policy "${text}": it is not no, always, unless-stopped or on-failure[:MAX]`,
  )
}

function deviceOf(text: string): { PathOnHost: string; PathInContainer: string; CgroupPermissions: string } {
  const [host = '', second, third] = text.split(':')
  const onlyPermissions = second !== undefined && /^[rwm]+$/.test(second)
  return {
    PathOnHost: host,
    PathInContainer: second === undefined || second === '' || onlyPermissions ? host : second,
    CgroupPermissions: (onlyPermissions ? second : third) ?? 'rwm',
  }
}

function extraHostOf(text: string): string {
  const match = /^([^:=]+)[:=](.+)$/.exec(text)
  if (match === null) throw new CliError('INVALID', `Cannot add the host "${text}": it is not NAME:IP`)
  return `${match[1]}:${(match[2] ?? '').replace(/^\[|\]$/g, '')}`
}

/** A seccomp profile is a file on this side; the daemon gets its text. */
function securityOption(text: string): string {
  const [name, value] = cut(text.replace(/^([\w-]+):/, '$1='), '=')
  if (name !== 'seccomp' || value === 'unconfined' || value === 'builtin' || value === '') return text
  try {
    return `seccomp=${JSON.stringify(JSON.parse(readFileSync(value, 'utf8')))}`
  } catch (cause) {
    throw new CliError(
      'INVALID',
      `Cannot use the seccomp profile "${value}": ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
}
