import type { HostConfig, PortMap, Ulimit } from '@gantry/client'
import type { ContainerEdit, ContainerSpec } from '@gantry/engine'
import { badRequest, notSupported } from '../http/api-failure.ts'
import { restartOf } from './create-request.ts'
import { faceOf, isBlank, withoutBlanks, type Face } from './face.ts'
import { defined, type Fields } from './fields.ts'
import { healthRequest } from './health-request.ts'
import { mountRequests } from './mount-requests.ts'
import { publishedPorts } from './network-request.ts'
import { resourcesOf } from './resource-request.ts'

const limits = new Set<string>([
  'CpuShares',
  'Memory',
  'NanoCpus',
  'CpuPeriod',
  'CpuQuota',
  'CpusetCpus',
  'CpusetMems',
  'MemoryReservation',
  'MemorySwap',
  'PidsLimit',
] satisfies (keyof HostConfig)[])
const edits = new Set([
  'Env',
  'Labels',
  'PortBindings',
  'Unpublish',
  'Binds',
  'Mounts',
  'Tmpfs',
  'Unmount',
  'Healthcheck',
  'Ulimits',
])

/** Reads the body of `POST /containers/{id}/update`: limits and a restart policy; with `all` also the further members of Gantry's own
 * path. @throws ApiFailure 400, 501 */
export function editRequest(body: Fields, { all }: { all: boolean }): ContainerEdit {
  const known = (name: string): boolean => limits.has(name) || name === 'RestartPolicy' || (all && edits.has(name))
  for (const name of body.names)
    if (!known(name) && !isBlank(body.raw(name))) throw notSupported(`${name} in an update`)
  const { shmSize: _shm, oomScoreAdj: _score, ulimits, blkioRates: _rates, ...resources } = resourcesOf(body)
  const policy = body.object('RestartPolicy')
  const restart = policy.text('Name') === 'no' ? ({ name: 'no', maximumRetries: 0 } as const) : restartOf(body)
  const further = all
    ? defined({
        env: changesOf(body.object('Env'), 'Env'),
        health: healthRequest(body.object('Healthcheck')),
        ulimits,
        labels: changesOf(body.object('Labels'), 'Labels'),
        publish: publishedPorts(body),
        unpublish: body.texts('Unpublish'),
        mount: mountRequests(body, body, () => []),
        unmount: body.texts('Unmount'),
      })
    : {}
  return {
    ...defined({ resources: Object.keys(resources).length === 0 ? undefined : resources, restart }),
    ...further,
    face: (spec) => faceAfter(spec, body) as unknown as Readonly<Record<string, unknown>>,
  }
}

/** An object of texts; null takes a name away. */
function changesOf(map: Fields, what: string): Record<string, string | undefined> | undefined {
  if (map.names.length === 0) return undefined
  return Object.fromEntries(
    map.names.map((name) => {
      const value = map.raw(name)
      if (value !== undefined && typeof value !== 'string')
        throw badRequest(`invalid ${what}.${name}: it is not a text`)
      if (name === '' || name.includes('=')) throw badRequest(`invalid ${what}: "${name}" is no name`)
      return [name, value]
    }),
  )
}

/** What inspect shows afterwards. */
function faceAfter(spec: ContainerSpec, body: Fields): Face {
  const face = faceOf(spec)
  const asked = body.names.filter((name) => limits.has(name) && !(isBlank(body.raw(name)) && body.raw(name) !== -1))
  const given = Object.fromEntries(asked.map((name) => [name, body.raw(name)]))
  const dropped: readonly string[] =
    'NanoCpus' in given ? ['CpuQuota', 'CpuPeriod'] : 'CpuQuota' in given || 'CpuPeriod' in given ? ['NanoCpus'] : []
  const before = Object.fromEntries(Object.entries(face.hostConfig).filter(([name]) => !dropped.includes(name)))
  const ports = ['PortBindings', 'Unpublish'].some((name) => !isBlank(body.raw(name)))
  const mounts = ['Binds', 'Mounts', 'Tmpfs', 'Unmount'].some((name) => !isBlank(body.raw(name)))
  return {
    ...face,
    hostConfig: withoutBlanks({
      ...before,
      ...given,
      ...(isBlank(body.raw('Ulimits')) ? {} : { Ulimits: ulimits(spec) }),
      ...(ports ? { PortBindings: bindings(spec) } : {}),
      ...(mounts ? { Mounts: null, Binds: binds(spec), Tmpfs: tmpfs(spec) } : {}),
    }),
  }
}

function bindings({ ports }: ContainerSpec): PortMap {
  const map: Record<string, { HostIp?: string; HostPort?: string }[]> = {}
  for (const { containerPort, protocol, hostIp, hostPort, lastHostPort } of ports) {
    const HostPort = hostPort === undefined ? '' : `${hostPort}${lastHostPort === undefined ? '' : `-${lastHostPort}`}`
    const list = (map[`${containerPort}/${protocol}`] ??= [])
    list.push({ ...(hostIp === undefined ? {} : { HostIp: hostIp }), HostPort })
  }
  return map
}

function binds({ mounts }: ContainerSpec): string[] {
  return mounts.flatMap((mount) => {
    if (mount.type === 'tmpfs' || mount.type === 'image') return []
    const source = mount.type === 'bind' ? mount.source : mount.name
    return [`${source}:${mount.target}${mount.readonly ? ':ro' : ''}`]
  })
}

function ulimits({ resources }: ContainerSpec): Ulimit[] {
  return (resources.ulimits ?? []).map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard }))
}

function tmpfs({ mounts }: ContainerSpec): Record<string, string> {
  return Object.fromEntries(
    mounts.flatMap((mount) => (mount.type === 'tmpfs' ? [[mount.target, mount.options.join(',')]] : [])),
  )
}
