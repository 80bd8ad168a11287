import { isDigest, limits, MediaType, quote } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import type { Page } from './catalog.ts'
import { jsonResponse } from './exchange.ts'
import type { RegistryRequest, RegistryResponse } from './exchange.ts'
import type { RegistryParts } from './registry-parts.ts'
import type { Route } from './route.ts'
import { WireError } from './wire-error.ts'

const longestPage = 10_000
/** Some clients do not follow the link, so that only a long list is cut without being asked for. */
const defaultPage = 10_000
const referrersPage = 1000

/** `GET` of the tags, sorted; empty, not unknown, for a repository that has only blobs. */
export async function listTags(
  { catalog }: RegistryParts,
  request: RegistryRequest,
  repository: string,
): Promise<RegistryResponse> {
  const id = catalog.find(repository)
  if (id === undefined) throw new WireError('NAME_UNKNOWN', `there is no repository ${repository}`)
  return tagsPageOf(request, repository, (page) => catalog.tags(id, page))
}

/** One page of tags, of which `find` gives those that are asked for, at most `n`, in the order of their bytes. */
export function tagsPageOf(
  request: RegistryRequest,
  repository: string,
  find: (page: Page) => readonly string[],
): RegistryResponse {
  const page = parsePage(request)
  const tags = find({ ...page, n: page.n + 1 })
  const shown = tags.slice(0, page.n)
  return jsonResponse(200, { name: repository, tags: shown }, nextLink(request, page, tags, shown.at(-1)))
}

/** `GET` of the repositories that who asks may know of, sorted. */
export async function listRepositories(
  { catalog }: RegistryParts,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const page = parsePage(request)
  const { principal } = request
  const isShown = (name: string): boolean => principal?.may(name, 'catalog') ?? true
  const repositories = catalog.repositories({ ...page, n: page.n + 1 }, isShown)
  const shown = repositories.slice(0, page.n)
  return jsonResponse(200, { repositories: shown }, nextLink(request, page, repositories, shown.at(-1)))
}

/** `GET` of what refers to a digest: an index, empty when nothing does, also in a repository that never was. */
export async function listReferrers(
  { catalog }: RegistryParts,
  request: RegistryRequest,
  { repository, digest }: Extract<Route, { kind: 'referrers' }>,
): Promise<RegistryResponse> {
  const id = catalog.find(repository)
  return referrersPageOf(request, (asked) => (id === undefined ? [] : catalog.referrers(id, digest, asked)))
}

/** One page of referrers, of which `find` gives those that are asked for, at most `n`, in the order of their digests. */
export function referrersPageOf(
  request: RegistryRequest,
  find: (asked: Page & { readonly artifactType?: string }) => readonly Descriptor[],
): RegistryResponse {
  const artifactType = request.query.get('artifactType') ?? ''
  const last = request.query.get('last') ?? ''
  if (last !== '' && !isDigest(last)) throw new WireError('DIGEST_INVALID', `${quote(last)} is not a digest`)
  const filter = artifactType === '' ? {} : { artifactType }
  const found = find({ n: referrersPage + 1, last, ...filter })
  const manifests = fitting(found.slice(0, referrersPage))
  const link = nextLink(request, { n: manifests.length, last }, found, manifests.at(-1)?.digest)
  return jsonResponse(
    200,
    { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests },
    {
      'Content-Type': MediaType.imageIndex,
      ...(artifactType === '' ? {} : { 'OCI-Filters-Applied': 'artifactType' }),
      ...link,
    },
  )
}

/** As many as a manifest may hold, and one at least. */
function fitting(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  let bytes = 1024
  const end = descriptors.findIndex((descriptor, index) => {
    bytes += JSON.stringify(descriptor).length * 3 + 1
    return index > 0 && bytes > limits.documentBytes
  })
  return end < 0 ? descriptors : descriptors.slice(0, end)
}

function parsePage(request: RegistryRequest): Page {
  const n = request.query.get('n')
  if (n !== null && !/^\d{1,9}$/.test(n)) {
    throw new WireError('UNSUPPORTED', `n=${quote(n)} is not a number`, { status: 400 })
  }
  return {
    n: n === null ? defaultPage : Math.min(Number(n), longestPage),
    last: request.query.get('last') ?? '',
  }
}

function nextLink(
  request: RegistryRequest,
  { n }: Page,
  all: readonly unknown[],
  last: string | undefined,
): Record<string, string> {
  if (last === undefined || all.length <= n) return {}
  const query = new URLSearchParams(request.query)
  query.set('last', last)
  return { Link: `<${request.path}?${query.toString()}>; rel="next"` }
}
