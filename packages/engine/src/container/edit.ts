import { EngineError } from '../engine-error.ts'
import { planHealth, type HealthCheck, type HealthRequest } from './health.ts'
import { cleanPath } from './plan.ts'
import type { ContainerMount, ContainerSpec, MountRequest, PublishedPort, Resources, RestartPolicy } from './spec.ts'

/** Changes of a container that exists; what is absent stays. */
export interface ContainerEdit {
  /** Limits that a running container can get: all but shared memory, ulimits and the score of the OOM killer. */
  readonly resources?: Omit<Resources, 'shmSize' | 'oomScoreAdj' | 'ulimits'>
  readonly restart?: RestartPolicy
  /** What is not said of the check stays; `NONE` takes it away. */
  readonly health?: HealthRequest
  /** Limits of processes to set, by name. */
  readonly ulimits?: NonNullable<Resources['ulimits']>
  /** Variables to set; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Labels to set; undefined takes one away. */
  readonly labels?: Readonly<Record<string, string | undefined>>
  readonly publish?: readonly PublishedPort[]
  /** As in `80/tcp`: every address that this port of the container is published at. */
  readonly unpublish?: readonly string[]
  readonly mount?: readonly MountRequest[]
  /** Places in the container. What was mounted there is kept. */
  readonly unmount?: readonly string[]
  /** What a face keeps with the container, from how it is then. */
  readonly face?: (spec: ContainerSpec) => Readonly<Record<string, unknown>>
}

/** The parts of a container that an edit touches, by when they take effect. */
export interface EditEffects {
  readonly live: readonly string[]
  /** At the next start. */
  readonly atStart: readonly string[]
}

/** The specification with the changes, its new mounts still as they are asked for. Pure.
 * @throws EngineError SPEC_INVALID */
export function editSpec(
  spec: ContainerSpec,
  edit: ContainerEdit,
): { spec: Omit<ContainerSpec, 'mounts'>; kept: readonly ContainerMount[]; effects: EditEffects } {
  const { resources, restart, env, labels, ulimits } = edit
  if (restart !== undefined && restart.name !== 'no' && spec.autoRemove)
    throw new EngineError(
      'SPEC_INVALID',
      'Restart policy cannot be updated because AutoRemove is enabled for the container',
    )
  const { mounts, health: before, ...rest } = spec
  const health = edit.health === undefined ? before : editHealth(before, edit.health)
  const limits = resources === undefined ? spec.resources : editResources(spec.resources, resources)
  return {
    spec: {
      ...rest,
      ...(health === undefined ? {} : { health }),
      resources: ulimits === undefined ? limits : { ...limits, ulimits: editUlimits(limits.ulimits, ulimits) },
      ...(restart === undefined ? {} : { restart }),
      ...(env === undefined ? {} : { env: editEnv(spec.env, env) }),
      ...(labels === undefined ? {} : { labels: editMap(spec.labels, labels) }),
      ports: editPorts(spec, edit),
    },
    kept: withoutMounts(mounts, edit),
    effects: effectsOf(edit),
  }
}

function effectsOf({
  resources,
  restart,
  health,
  ulimits,
  env,
  labels,
  publish,
  unpublish,
  mount,
  unmount,
}: ContainerEdit): EditEffects {
  const some = (...lists: (readonly unknown[] | undefined)[]): boolean => lists.some((list) => (list ?? []).length > 0)
  const any = (map: object | undefined): boolean => map !== undefined && Object.keys(map).length > 0
  return {
    live: [
      ...(any(resources) ? ['limits'] : []),
      ...(restart === undefined ? [] : ['restart policy']),
      ...(health === undefined ? [] : ['health check']),
      ...(any(labels) ? ['labels'] : []),
    ],
    atStart: [
      ...(any(env) ? ['environment'] : []),
      ...(some(publish, unpublish) ? ['ports'] : []),
      ...(some(mount, unmount) ? ['mounts'] : []),
      ...(some(ulimits) ? ['ulimits'] : []),
    ],
  }
}

/** A check with changes. @throws EngineError SPEC_INVALID */
function editHealth(before: HealthCheck | undefined, asked: HealthRequest): HealthCheck | undefined {
  const isNone = asked.Test?.[0] === 'NONE'
  if (before === undefined && asked.Test === undefined)
    throw new EngineError('SPEC_INVALID', 'Cannot change the health check: the container has none', {
      hint: 'give --health-cmd too',
    })
  if (isNone || before === undefined) return planHealth(asked)
  const { test, interval, timeout, startPeriod, startInterval, retries, onFailure } = before
  return planHealth(
    { OnFailure: onFailure, ...asked },
    {
      Test: test,
      Interval: interval * 1e6,
      Timeout: timeout * 1e6,
      StartPeriod: startPeriod * 1e6,
      StartInterval: startInterval * 1e6,
      Retries: retries,
    },
  )
}

function editUlimits(
  before: Resources['ulimits'] = [],
  set: NonNullable<Resources['ulimits']>,
): NonNullable<Resources['ulimits']> {
  const names = new Set(set.map(({ name }) => name))
  return [...before.filter(({ name }) => !names.has(name)), ...set]
}

/** A share of processors and a quota are two ways to say one thing: the newer one holds. A swap limit that was not asked for follows
 * the memory again. */
function editResources(before: Resources, edit: NonNullable<ContainerEdit['resources']>): Resources {
  const { cpus: _cpus, cpuQuota, cpuPeriod, ...rest } = before
  const kept =
    edit.cpus !== undefined
      ? rest
      : edit.cpuQuota !== undefined || edit.cpuPeriod !== undefined
        ? {
            ...rest,
            ...(cpuQuota === undefined ? {} : { cpuQuota }),
            ...(cpuPeriod === undefined ? {} : { cpuPeriod }),
          }
        : before
  const after = { ...kept, ...edit }
  const { memory, memorySwap } = after
  if (
    edit.memory !== undefined &&
    edit.memorySwap === undefined &&
    memorySwap !== undefined &&
    memorySwap !== -1 &&
    memory !== undefined &&
    memorySwap < memory
  )
    throw new EngineError(
      'SPEC_INVALID',
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    )
  return after
}

function editEnv(env: readonly string[], edits: Readonly<Record<string, string | undefined>>): readonly string[] {
  const kept = env.filter((each) => !Object.hasOwn(edits, each.split('=', 1)[0] ?? ''))
  const set = Object.entries(edits).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
  return [...kept, ...set]
}

function editMap(
  map: Readonly<Record<string, string>>,
  edits: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const merged = Object.entries({ ...map, ...edits })
  return Object.fromEntries(merged.filter((each): each is [string, string] => each[1] !== undefined))
}

function editPorts(
  { ports, network }: ContainerSpec,
  { publish = [], unpublish = [] }: ContainerEdit,
): readonly PublishedPort[] {
  if (publish.length > 0 && network.kind !== 'networks')
    throw new EngineError('SPEC_INVALID', 'Cannot publish a port: the container has no network of its own')
  const gone = new Set(unpublish.map((port) => (port.includes('/') ? port : `${port}/tcp`)))
  const keyOf = ({ containerPort, protocol }: PublishedPort): string => `${containerPort}/${protocol}`
  for (const port of gone)
    if (!ports.some((each) => keyOf(each) === port))
      throw new EngineError('SPEC_INVALID', `Cannot take port ${port} away: the container does not publish it`)
  return [...ports.filter((each) => !gone.has(keyOf(each))), ...publish]
}

function withoutMounts(mounts: readonly ContainerMount[], { unmount = [] }: ContainerEdit): readonly ContainerMount[] {
  const gone = new Set(unmount.map(cleanPath))
  for (const place of gone)
    if (!mounts.some(({ target }) => target === place))
      throw new EngineError('SPEC_INVALID', `Cannot take the mount at "${place}" away: nothing is mounted there`)
  return mounts.filter(({ target }) => !gone.has(target))
}
