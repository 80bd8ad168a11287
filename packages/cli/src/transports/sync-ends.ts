import { selectsName, type SyncJob, type SyncSource, type SyncTarget } from '@gantry/image'
import { formatReference, isRepositoryName, parseReference, quote } from '@gantry/oci'
import { RegistryError, type RemoteRepository } from '@gantry/registry-client'
import { openLayout, type LayoutDirectory } from '@gantry/store'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { clientOf, codecOf } from './transport-parts.ts'

/** A repository and where it goes. */
export interface SyncEnds {
  readonly source: SyncSource
  readonly target: SyncTarget
}

/**
 * Finds what a job of a mirror is about. A source `registry.example/` is all repositories that the registry lists, chosen by
 * the job's patterns; anything else is one repository. A destination that ends with `/`, is a registry alone, or is to take a
 * whole registry is a prefix: the source's repository is added to it. `oci:DIR` is a layout where names are full ones of the
 * source.
 */
export async function* syncEnds(context: Context, job: SyncJob): AsyncGenerator<SyncEnds> {
  const from = withoutTransport(job.from)
  const whole = registryOf(from)
  const target = await targetOf(context, job, whole !== undefined)
  if (whole === undefined) {
    const { registry, repository } = onlyRepository(from)
    yield { source: sourceOf(context, { registry, repository }), target: target({ registry, repository }) }
    return
  }
  for await (const repository of clientOf(context).repositories(whole, { signal: context.signal })) {
    if (!selectsName(repository, { include: job.repositories, exclude: job.excludeRepositories })) continue
    const place = { registry: whole, repository }
    yield { source: sourceOf(context, place), target: target(place) }
  }
}

interface Place {
  readonly registry: string
  readonly repository: string
}

function sourceOf(context: Context, place: Place): SyncSource {
  const remote = clientOf(context).repository(place)
  return {
    name: `${place.registry}/${place.repository}`,
    blobs: remote,
    referrers: remote,
    sibling: (tag) => remote.resolve(tag, { signal: context.signal }),
    tags: () => remote.tags({ signal: context.signal }),
  }
}

async function targetOf(context: Context, job: SyncJob, isPrefix: boolean): Promise<(source: Place) => SyncTarget> {
  if (job.to.startsWith('oci:')) {
    const path = job.to.slice('oci:'.length)
    if (path === '') throw new CliError('INVALID', `Cannot mirror to ${quote(job.to)}: it names no directory`)
    const layout = await openLayout(path, { codec: codecOf(context), create: true })
    return (source) => layoutTarget(layout, source)
  }
  const to = withoutTransport(job.to)
  const registry = registryOf(to)
  if (registry !== undefined) return (source) => registryTarget(context, { registry, repository: source.repository })
  const isFolder = isPrefix || to.endsWith('/')
  const base = onlyRepository(to.replace(/\/$/, ''))
  return ({ repository }) => {
    const place = isFolder ? { ...base, repository: `${base.repository}/${repository}` } : base
    if (!isRepositoryName(place.repository)) {
      throw new CliError('INVALID', `Cannot mirror to ${quote(place.repository)}: that is no repository's name`)
    }
    return registryTarget(context, place)
  }
}

function registryTarget(context: Context, place: Place): SyncTarget {
  const remote = clientOf(context).repository(place)
  const { signal } = context
  return {
    name: `${place.registry}/${place.repository}`,
    blobs: remote,
    referrers: remote,
    sibling: (tag) => remote.resolve(tag, { signal }),
    tagSibling: (tag, descriptor) => remote.tag(tag, descriptor, { signal }),
    tags: () => tagsIfThere(remote, signal),
    untag: (tag) => remote.delete(tag, { signal }),
  }
}

function layoutTarget(layout: LayoutDirectory, { registry, repository }: Place): SyncTarget {
  const nameOf = (tag: string): string => formatReference({ registry, repository, tag })
  const prefix = nameOf('')
  return {
    name: `oci:${layout.path}`,
    blobs: layout,
    referrers: layout,
    sibling: (tag) => layout.resolve(nameOf(tag)),
    tagSibling: (tag, descriptor) => layout.tag(nameOf(tag), descriptor),
    async *tags() {
      for (const { name } of await layout.entries()) if (name?.startsWith(prefix)) yield name.slice(prefix.length)
    },
    untag: (tag) => layout.untag(nameOf(tag)),
    collect: async () => void (await layout.removeUnlisted()),
  }
}

async function* tagsIfThere(remote: RemoteRepository, signal: AbortSignal): AsyncGenerator<string> {
  try {
    yield* remote.tags({ signal })
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'NAME_UNKNOWN') return
    throw error
  }
}

function withoutTransport(text: string): string {
  return text.replace(/^(?:docker:\/\/|registry:)/, '')
}

/** The registry that a text names without a repository: `registry.example/`, `localhost:5000`. */
function registryOf(text: string): string | undefined {
  const [, host] = /^([^/]+)\/?$/.exec(text) ?? []
  if (host === undefined) return undefined
  const isHost = text.endsWith('/') || /^(?:localhost|[^:]*\..*|\[.*\].*|.*:\d{2,5})$/.test(host)
  // `alpine:3` is a repository of Docker Hub with a tag; a port has more digits, or follows a name with a dot.
  return isHost && parseReference(`${host}/x`).registry === host ? host : undefined
}

function onlyRepository(text: string): Place {
  const { registry, repository, digest } = parseReference(text)
  const isTagged = text.slice(text.lastIndexOf('/') + 1).includes(':')
  if (digest !== undefined || isTagged) {
    throw new CliError(
      'INVALID',
      `Cannot mirror ${quote(text)}: it names a tag or digest, and repositories are mirrored`,
      {
        hint: 'Leave it out, and choose tags with --tag',
      },
    )
  }
  return { registry, repository }
}
