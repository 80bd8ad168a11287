import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import { isAlive, type Status } from '../container/status.ts'

/** Which containers to list. Keys must all hold, of a key's values one; of labels every one. */
export interface ContainerFilter {
  readonly id?: readonly string[]
  readonly name?: readonly string[]
  readonly status?: readonly Status[]
  /** `key` or `key=value`. */
  readonly label?: readonly string[]
  readonly exitCode?: readonly number[]
  /** Image names, ids or beginnings of ids; already turned into full ids where they are known. */
  readonly ancestor?: readonly string[]
  readonly volume?: readonly string[]
  readonly network?: readonly string[]
  /** `80/tcp`. */
  readonly publish?: readonly string[]
  readonly expose?: readonly string[]
  /** `starting`, `healthy`, `unhealthy`, or `none` for one without checks. */
  readonly health?: readonly string[]
  readonly before?: readonly string[]
  readonly since?: readonly string[]
}

/** How containers are listed. */
export interface ListOptions {
  /** Those that do not run, too. A filter by status or exit code means it. */
  readonly all?: boolean
  /** So many of the newest. */
  readonly limit?: number
  readonly filter?: ContainerFilter
}

/** Containers, the newest first. @throws EngineError CONTAINER_UNKNOWN of `before` and `since` */
export function list(
  context: Context,
  { all = false, limit, filter = {} }: ListOptions = {},
): readonly ContainerRecord[] {
  const shown = all || limit !== undefined || filter.status !== undefined || filter.exitCode !== undefined
  const keep = predicate(context, filter)
  const found: ContainerRecord[] = []
  const records = context.containers.all()
  for (let index = records.length - 1; index >= 0 && found.length < (limit ?? Infinity); index--) {
    const record = records[index] as ContainerRecord
    if ((shown || isAlive(record.status) || record.status === 'restarting') && keep(record)) found.push(record)
  }
  return found
}

function predicate({ containers }: Context, filter: ContainerFilter): (record: ContainerRecord) => boolean {
  const before = filter.before?.map((each) => containers.find(each).created)
  const since = filter.since?.map((each) => containers.find(each).created)
  return (record) => {
    const { id, name, status, spec, progress, created, image } = record
    return (
      some(filter.id, (prefix) => id.startsWith(prefix)) &&
      some(filter.name, (part) => matchesName(name, part)) &&
      some(filter.status, (each) => each === status) &&
      (filter.label ?? []).every((label) => hasLabel(spec.labels, label)) &&
      some(filter.exitCode, (code) => status === 'exited' && progress.exitCode === code) &&
      some(filter.ancestor, (each) => image.id === each || spec.image === each || image.manifest === each) &&
      some(filter.volume, (each) => spec.mounts.some((mount) => mount.target === each || sourceOf(mount) === each)) &&
      some(filter.network, (each) => onNetwork(record, each)) &&
      some(filter.publish, (port) =>
        progress.endpoints.some((endpoint) => endpoint.ports.some((p) => matchesPort(p, port))),
      ) &&
      some(filter.expose, (port) => spec.exposed.some((each) => each === port || each === `${port}/tcp`)) &&
      some(
        filter.health,
        (each) => each === (spec.health === undefined ? 'none' : (progress.health?.status ?? 'none')),
      ) &&
      some(before, (time) => created < time) &&
      some(since, (time) => created > time)
    )
  }
}

function some<T>(values: readonly T[] | undefined, holds: (value: T) => boolean): boolean {
  return values === undefined || values.length === 0 || values.some(holds)
}

/** A name filter is a regular expression where it can be read as one, a part of the name else. */
function matchesName(name: string, part: string): boolean {
  try {
    return new RegExp(part).test(name) || new RegExp(part).test(`/${name}`)
  } catch {
    return name.includes(part)
  }
}

function hasLabel(labels: Readonly<Record<string, string>>, label: string): boolean {
  const at = label.indexOf('=')
  return at < 0 ? label in labels : labels[label.slice(0, at)] === label.slice(at + 1)
}

function sourceOf(mount: ContainerRecord['spec']['mounts'][number]): string {
  switch (mount.type) {
    case 'volume':
      return mount.name
    case 'bind':
      return mount.source
    case 'image':
      return mount.image
    case 'tmpfs':
      return ''
  }
}

function onNetwork({ spec, progress }: ContainerRecord, network: string): boolean {
  if (spec.network.kind !== 'networks') return spec.network.kind === network
  return (
    spec.network.networks.some((each) => each.network === network) ||
    progress.endpoints.some((each) => each.networkId.startsWith(network))
  )
}

function matchesPort({ hostPort, protocol }: { hostPort: number; protocol: string }, text: string): boolean {
  const [range = '', wanted = 'tcp'] = text.split('/')
  const [from, to = from] = range.split('-').map(Number)
  return protocol === wanted && from !== undefined && to !== undefined && hostPort >= from && hostPort <= to
}
