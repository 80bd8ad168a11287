import { momentOf } from '../images/image-filters.ts'
import { notSupported } from '../http/api-failure.ts'
import { json, type ApiRequest, type Reply } from '../http/message.ts'
import { filters } from '../http/parameters.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { directoryBytes } from '../translate/directory-bytes.ts'
import { hasLabels } from '../translate/labels.ts'

/** Removal of what nobody uses. Unknown filters are refused: an ignored one would remove too much. */
export function pruneRoutes(parts: DockerApiParts): readonly Route[] {
  return [
    ['POST', /^\/containers\/prune$/, (request) => pruneContainers(parts, request)],
    ['POST', /^\/volumes\/prune$/, (request) => pruneVolumes(parts, request)],
    ['POST', /^\/build\/prune$/, (request) => pruneBuildCache(parts, request)],
  ]
}

async function pruneContainers({ engine }: DockerApiParts, { query, signal }: ApiRequest): Promise<Reply> {
  const { label, 'label!': without, until } = filters(query, ['label', 'label!', 'until'])
  const before = momentsOf(until)
  const { removed, bytes } = await engine.pruneContainers({
    filter: ({ created, spec: { labels } }) => created < before && isLabelled(labels, label, without),
    signal,
  })
  return json({ ContainersDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: bytes })
}

async function pruneVolumes({ engine }: DockerApiParts, { query }: ApiRequest): Promise<Reply> {
  const { label, 'label!': without, all } = filters(query, ['label', 'label!', 'all'])
  const { removed, bytes } = await engine.pruneVolumes({
    all: all?.some((text) => ['1', 'true', 't'].includes(text.toLowerCase())) === true,
    filter: ({ labels }) => isLabelled(labels, label, without),
    bytesOf: directoryBytes,
  })
  return json({ VolumesDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: bytes })
}

async function pruneBuildCache(parts: DockerApiParts, { query, signal }: ApiRequest): Promise<Reply> {
  const { pruneBuildCache: prune } = parts
  if (prune === undefined) throw notSupported('POST /build/prune')
  const { until, 'unused-for': unused } = filters(query, ['until', 'unused-for'])
  const before = momentsOf([...(until ?? []), ...(unused ?? [])])
  const keep = Number(query.get('keep-storage') ?? query.get('max-used-space') ?? 0)
  const { removed, bytes } = await prune({
    all: ['1', 'true'].includes(query.get('all') ?? ''),
    ...(before === Number.POSITIVE_INFINITY ? {} : { unusedFor: parts.clock.now() - before }),
    ...(keep > 0 ? { keepBytes: keep } : {}),
    signal,
  })
  return json({ CachesDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: bytes })
}

/** Before all of these moments. */
function momentsOf(texts: readonly string[] | undefined): number {
  return Math.min(...(texts ?? []).map(momentOf))
}

/** Docker's rule: all that is wanted, and none of what is not. */
function isLabelled(
  labels: Readonly<Record<string, string>>,
  wanted: readonly string[] | undefined,
  unwanted: readonly string[] = [],
): boolean {
  return hasLabels(labels, wanted) && unwanted.every((label) => !hasLabels(labels, [label]))
}
