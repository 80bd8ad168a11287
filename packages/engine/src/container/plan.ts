import { imageProcess } from '@gantry/runtime'
import type { ContainerConfig } from '@gantry/oci'
import { EngineError } from '../engine-error.ts'
import { checkImageVolumes, checkTexts } from './check-plan.ts'
import { planHealth } from './health.ts'
import { shortId } from './identity.ts'
import { chooseLog } from './log-choice.ts'
import type { ContainerSpec, CreateRequest, MountRequest, PublishedPort, Security } from './spec.ts'

/** Merges what was asked for with what the image says. Volumes may still be without a name. Pure.
 * @throws EngineError COMMAND_MISSING, SPEC_INVALID */
export function planContainer(
  request: CreateRequest,
  image: ContainerConfig,
  { id, hostname: hostOfHost }: { id: string; hostname: string },
): Omit<ContainerSpec, 'mounts'> & { mounts: readonly MountRequest[] } {
  const network = request.network ?? { kind: 'networks', networks: [{ network: 'bridge', aliases: [] }] }
  const hostname = request.hostname || (network.kind === 'host' ? hostOfHost : shortId(id))
  const terminal = request.terminal ?? false
  // An empty entry point leaves the image's command, one that is an empty text does not: `--entrypoint ""` sends the latter.
  const cleared = request.entrypoint?.length === 1 && request.entrypoint[0] === ''
  const entrypoint = cleared ? [] : (request.entrypoint ?? image.Entrypoint ?? [])
  const given = request.command !== undefined && request.command.length > 0
  const inherits = request.entrypoint === undefined || request.entrypoint.length === 0
  const command = given ? (request.command ?? []) : inherits ? (image.Cmd ?? []) : []
  if (entrypoint.length + command.length === 0) throw new EngineError('COMMAND_MISSING', 'no command specified')
  const process = imageProcess(image, {
    entrypoint,
    command: command.length > 0 ? command : entrypoint,
    hostname,
    terminal,
    ...(request.env === undefined ? {} : { env: request.env }),
  })
  const health = planHealth(request.health, image.Healthcheck)
  const exposed = [...new Set([...Object.keys(image.ExposedPorts ?? {}).map(withProtocol), ...(request.exposed ?? [])])]
  const user = request.user || (image.User ?? '')
  const workingDirectory = cleanPath(request.workingDirectory || image.WorkingDir || '/')
  const domainname = request.domainname ?? ''
  checkTexts({ entrypoint, command, env: process.env, user, workingDirectory, hostname, domainname })
  return {
    image: request.image,
    entrypoint,
    command,
    env: process.env,
    user,
    workingDirectory,
    hostname,
    domainname,
    labels: { ...image.Labels, ...request.labels },
    annotations: request.annotations ?? {},
    terminal,
    ...(request.consoleSize === undefined ? {} : { consoleSize: request.consoleSize }),
    stdin: request.stdin ?? false,
    stdinOnce: request.stdinOnce ?? false,
    stopSignal: request.stopSignal || image.StopSignal || 'SIGTERM',
    stopTimeout: request.stopTimeout ?? 10,
    init: request.init ?? false,
    readonlyRoot: request.readonlyRoot ?? false,
    autoRemove: request.autoRemove ?? false,
    restart: restartPolicy(request),
    ...(health === undefined ? {} : { health }),
    ...(image.Shell === undefined ? {} : { shell: image.Shell }),
    mounts: withImageVolumes(request.mounts ?? [], Object.keys(image.Volumes ?? {})),
    network,
    ports: publishedPorts(request, exposed),
    ...(request.publishMode === undefined ? {} : { publishMode: request.publishMode }),
    exposed,
    extraHosts: request.extraHosts ?? [],
    dns: { servers: [], search: [], options: [], ...request.dns },
    resources: request.resources ?? {},
    log: chooseLog(request.log),
    security: { ...defaultSecurity, ...request.security },
    namespaces: request.namespaces ?? {},
    sysctls: request.sysctls ?? {},
    ...(request.secrets === undefined ? {} : { secrets: request.secrets }),
    ...(request.umask === undefined ? {} : { umask: request.umask }),
    ...(request.cgroupParent === undefined ? {} : { cgroupParent: request.cgroupParent }),
    ...(request.face === undefined ? {} : { face: request.face }),
  }
}

const defaultSecurity: Security = {
  privileged: false,
  capAdd: [],
  capDrop: [],
  noNewPrivileges: false,
  seccomp: 'default',
  groupAdd: [],
  devices: [],
}

function restartPolicy({ restart, autoRemove }: CreateRequest): ContainerSpec['restart'] {
  const policy = restart ?? { name: 'no', maximumRetries: 0 }
  if (autoRemove === true && policy.name !== 'no')
    throw new EngineError('SPEC_INVALID', "can't create 'AutoRemove' container with restart policy")
  return policy
}

/** Ports without a protocol are TCP's. */
function withProtocol(port: string): string {
  return port.includes('/') ? port : `${port}/tcp`
}

function publishedPorts(
  { ports = [], publishAll = false }: CreateRequest,
  exposed: readonly string[],
): PublishedPort[] {
  if (!publishAll) return [...ports]
  const bound = new Set(ports.map((port) => `${port.containerPort}/${port.protocol}`))
  const further = exposed
    .filter((port) => !bound.has(port))
    .map((port) => {
      const [, number, protocol] = /^(\d{1,5})\/(tcp|udp|sctp)$/.exec(port) ?? []
      if (number === undefined || Number(number) < 1 || Number(number) > 65_535)
        throw new EngineError('SPEC_INVALID', `invalid containerPort: ${JSON.stringify(port)} cannot be published`)
      return { containerPort: Number(number), protocol: protocol as PublishedPort['protocol'] }
    })
  return [...ports, ...further]
}

/** Checks mounts, and adds the image's volumes. @throws EngineError SPEC_INVALID */
export function withImageVolumes(mounts: readonly MountRequest[], volumes: readonly string[]): readonly MountRequest[] {
  checkImageVolumes(volumes)
  const targets = new Set<string>()
  const further = volumes
    .filter((target) => !mounts.some((mount) => cleanPath(mount.target) === cleanPath(target)))
    .map((target): MountRequest => ({ type: 'volume', target, readonly: false, copyUp: true }))
  for (const { target } of [...mounts, ...further]) {
    const clean = cleanPath(target)
    if (!target.startsWith('/'))
      throw new EngineError('SPEC_INVALID', `invalid mount path: '${target}' mount path must be absolute`)
    if (clean === '/') throw new EngineError('SPEC_INVALID', `invalid specification: destination can't be '/'`)
    if (targets.has(clean)) throw new EngineError('SPEC_INVALID', `Duplicate mount point: ${clean}`)
    targets.add(clean)
  }
  return inOrder([...mounts, ...further].map((mount) => ({ ...mount, target: cleanPath(mount.target) })))
}

/** Mounts in the order in which they are made: one inside another comes after it. */
export function inOrder<M extends { readonly target: string }>(mounts: readonly M[]): M[] {
  return mounts.toSorted((a, b) => a.target.split('/').length - b.target.split('/').length)
}

/** A path without `.`, `..`, and slashes that say nothing. */
export function cleanPath(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}
