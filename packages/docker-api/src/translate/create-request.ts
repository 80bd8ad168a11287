import { isIP } from 'node:net'
import type { ContainerConfig, HostConfig } from '@gantry/client'
import type { CreateRequest, MountRequest } from '@gantry/engine'
import { badRequest } from '../http/api-failure.ts'
import { withoutBlanks, type Face } from './face.ts'
import { defined, Fields } from './fields.ts'
import { healthRequest } from './health-request.ts'
import { mountRequests } from './mount-requests.ts'
import { networkChoice, publishedPorts, publishMode } from './network-request.ts'
import { resourcesOf } from './resource-request.ts'
import { namespacesOf, securityOf } from './security-request.ts'
import { secretUses } from './secret-uses.ts'
import { refuseUnsupported } from './unsupported.ts'
import { usersRequest } from './users-request.ts'

/** Reads the body of `POST /containers/create`. What Gantry cannot do is refused by its name, never ignored.
 * `mountsOf` gives the mounts of another container, for `--volumes-from`. @throws ApiFailure 400, 501 */
export function createRequest(
  body: Readonly<Record<string, unknown>>,
  {
    name,
    platform,
    mountsOf,
  }: { name?: string; platform?: string; mountsOf: (container: string) => readonly MountRequest[] },
): CreateRequest {
  const config = new Fields(body)
  const host = config.object('HostConfig')
  refuseUnsupported(host)
  const image = config.text('Image')
  if (image === undefined || image === '') throw badRequest('config cannot be empty in order to create a container')
  const size = host.raw('ConsoleSize') as number[] | undefined
  return {
    image,
    mounts: mountRequests(config, host, mountsOf),
    network: networkChoice(config, host),
    ports: publishedPorts(host),
    resources: resourcesOf(host),
    log: { driver: host.object('LogConfig').text('Type') ?? '', options: host.object('LogConfig').map('Config') ?? {} },
    security: securityOf(host),
    namespaces: namespacesOf(host),
    dns: defined({
      servers: host.texts('Dns')?.map(nameServer),
      search: host.texts('DnsSearch'),
      options: host.texts('DnsOptions'),
    }),
    face: faceFrom(body) as unknown as Readonly<Record<string, unknown>>,
    ...defined({
      name,
      platform: platform === '' ? undefined : platform,
      entrypoint: config.textOrTexts('Entrypoint'),
      command: config.textOrTexts('Cmd'),
      env: config.texts('Env'),
      user: config.text('User'),
      workingDirectory: config.text('WorkingDir'),
      hostname: config.text('Hostname'),
      domainname: config.text('Domainname'),
      labels: config.map('Labels'),
      annotations: host.map('Annotations'),
      terminal: config.flag('Tty'),
      stdin: config.flag('OpenStdin'),
      stdinOnce: config.flag('StdinOnce'),
      stopSignal: config.text('StopSignal'),
      stopTimeout: config.number('StopTimeout'),
      init: host.flag('Init'),
      readonlyRoot: host.flag('ReadonlyRootfs'),
      autoRemove: host.flag('AutoRemove'),
      restart: restartOf(host),
      health: healthRequest(config.object('Healthcheck')),
      exposed: config.keys('ExposedPorts')?.map((port) => (port.includes('/') ? port : `${port}/tcp`)),
      publishAll: host.flag('PublishAllPorts'),
      publishMode: publishMode(host),
      users: usersRequest(host),
      extraHosts: host.texts('ExtraHosts'),
      sysctls: host.map('Sysctls'),
      secrets: secretUses(host),
      umask: umaskOf(host.text('Umask') || undefined),
      cgroupParent: host.text('CgroupParent') || undefined,
      consoleSize: size?.[0] && size[1] ? { height: size[0], width: size[1] } : undefined,
    }),
  }
}

function nameServer(text: string): string {
  if (isIP(text) === 0) throw badRequest(`invalid DNS server: "${text}" is not an IP address`)
  return text
}

function umaskOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[0-7]{1,4}$/.test(text) || Number.parseInt(text, 8) > 0o777)
    throw badRequest(`invalid umask "${text}": it is not an octal number up to 0777`)
  return Number.parseInt(text, 8)
}

/** Reads a restart policy; none is undefined. @throws ApiFailure 400 */
export function restartOf(host: Fields): CreateRequest['restart'] {
  const policy = host.object('RestartPolicy')
  const name = policy.text('Name') ?? ''
  const maximumRetries = policy.number('MaximumRetryCount') ?? 0
  switch (name) {
    case '':
    case 'no':
      return undefined
    case 'always':
    case 'unless-stopped':
    case 'on-failure':
      if (maximumRetries !== 0 && name !== 'on-failure')
        throw badRequest(`invalid restart policy: maximum retry count can only be used with 'on-failure'`)
      return { name, maximumRetries }
    default:
      throw badRequest(
        `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
      )
  }
}

/** Keeps what inspect shows again: host configurations without what says nothing. */
function faceFrom(body: Readonly<Record<string, unknown>>): Face {
  const {
    AttachStdin,
    AttachStdout,
    AttachStderr,
    Volumes,
    HostConfig: host,
  } = body as ContainerConfig & { HostConfig?: HostConfig }
  return {
    config: withoutBlanks({ AttachStdin, AttachStdout, AttachStderr, Volumes: Volumes ?? undefined }) as Face['config'],
    hostConfig: withoutBlanks(host ?? {}),
  }
}
