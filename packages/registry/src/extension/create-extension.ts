import type { State } from '@gantry/state'
import type { RegistryExtension } from '../discover.ts'
import { jsonResponse } from '../exchange.ts'
import type { Answer, RegistryRequest, RegistryResponse } from '../exchange.ts'
import type { RegistryStorage } from '../storage.ts'
import { refusal } from '../refusal.ts'
import { WireError } from '../wire-error.ts'
import { ContentReader } from './describe-content.ts'
import { parseChoice, parseQuery, parseRepository } from './extension-query.ts'
import { cursorOf, listTagRows } from './list-tags.ts'
import type { TagRow } from './list-tags.ts'
import { measureUsage } from './measure-usage.ts'
import type { Found } from './search.ts'
import { searchRepositories, searchTags } from './search.ts'

/** What the extension works on. */
export interface ExtensionParts {
  /** Opened with `registryMigrations`. */
  readonly state: State
  readonly storage: RegistryStorage
  /** Told of what is the server's own fault. */
  readonly onError?: (error: unknown, request?: RegistryRequest) => void
}

const prefix = '/v2/_gantry/'

/** What the extension is, for `/v2/_oci/ext/discover`. */
export const gantryExtension: RegistryExtension = {
  name: '_gantry',
  level: 'registry',
  url: 'https://github.com/opencontainers/distribution-spec/tree/main/extensions',
  description: 'Search, tags with what they stand for, and how much repositories hold',
  endpoints: ['_gantry/search', '_gantry/tags', '_gantry/usage'],
}

type Handler = (
  parts: ExtensionParts & { readonly reader: ContentReader },
  request: RegistryRequest,
) => Promise<RegistryResponse>

const handlers: Readonly<Record<string, Handler>> = { search: answerSearch, tags: answerTags, usage: answerUsage }

/**
 * Answers below `/v2/_gantry/`; everything else is for the next. Stands behind the access control: each sees what they may.
 *
 * `search?q=&kind=repositories|tags`, `tags?repository=&q=&sort=name|time&order=asc|desc`, `usage?repository=`; all of them
 * take `n` and `last`, and answer with a `Link` to the next page.
 */
export function createExtension(parts: ExtensionParts): (next: Answer) => Answer {
  const reader = new ContentReader(parts.storage)
  return (next) => async (request) => {
    if (!request.path.startsWith(prefix)) return next(request)
    const response = await answer({ ...parts, reader }, request).catch((error: unknown) =>
      refusal(error, request, { onFault: parts.onError }),
    )
    return request.method === 'HEAD' ? { status: response.status, headers: response.headers } : response
  }
}

async function answer(
  parts: ExtensionParts & { readonly reader: ContentReader },
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const handler = handlers[request.path.slice(prefix.length)]
  if (handler === undefined) throw new WireError('UNSUPPORTED', 'there is nothing here', { status: 404 })
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    throw new WireError('UNSUPPORTED', 'here are GET, HEAD only', { headers: { Allow: 'GET, HEAD' } })
  }
  return handler(parts, request)
}

async function answerSearch({ state }: ExtensionParts, request: RegistryRequest): Promise<RegistryResponse> {
  const kind = parseChoice(request, 'kind', ['repositories', 'tags'])
  const page = parseQuery(request, { usual: 100, most: 1000 })
  const isShown = (repository: string): boolean => request.principal?.may(repository, 'catalog') ?? true
  const found = (kind === 'tags' ? searchTags : searchRepositories)(state, page, isShown)
  const results = found.slice(0, page.n)
  const end = results.at(-1)
  const shown = results.map((each) => ({ ...each, pushed: timeOf(each.pushed) }))
  return jsonResponse(200, { results: shown }, nextLink(request, found.length > page.n, end && placeOf(end)))
}

async function answerTags(
  { state, reader }: ExtensionParts & { readonly reader: ContentReader },
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const repository = requireRepository(request)
  const by = {
    sort: parseChoice(request, 'sort', ['name', 'time']),
    order: parseChoice(request, 'order', request.query.get('sort') === 'time' ? ['desc', 'asc'] : ['asc', 'desc']),
  }
  const page = parseQuery(request, { usual: 100, most: 1000 })
  if (state.prepare('SELECT 1 FROM registry_repositories WHERE name = ?').get(repository) === undefined) {
    throw new WireError('NAME_UNKNOWN', `there is no repository ${repository}`)
  }
  const rows = listTagRows(state, repository, page, by)
  const shown = rows.slice(0, page.n)
  const tags: unknown[] = []
  for (const row of shown) tags.push(await describeTag(reader, row))
  const end = shown.at(-1)
  return jsonResponse(200, { repository, tags }, nextLink(request, rows.length > page.n, end && cursorOf(by, end)))
}

async function describeTag(reader: ContentReader, row: TagRow): Promise<unknown> {
  const { tag, digest, mediaType, size, pushed, pulled, pulls } = row
  const details = await reader.describe({ digest, mediaType, size })
  return {
    tag,
    digest,
    mediaType,
    size,
    totalSize: details?.bytes,
    pushed: timeOf(pushed),
    ...(pulled === undefined ? {} : { pulled: timeOf(pulled) }),
    pulls,
    platforms: details?.platforms ?? [],
    ...(details?.artifactType === undefined ? {} : { artifactType: details.artifactType }),
  }
}

async function answerUsage(parts: ExtensionParts, request: RegistryRequest): Promise<RegistryResponse> {
  const one = parseRepository(request)
  if (one !== undefined) {
    const usage = await measureUsage(parts, requireRepository(request))
    if (usage === undefined) throw new WireError('NAME_UNKNOWN', `there is no repository ${one}`)
    return jsonResponse(200, { repositories: [shownUsage(usage)] })
  }
  const page = parseQuery(request, { usual: 20, most: 100 })
  const isShown = (repository: string): boolean => request.principal?.may(repository, 'catalog') ?? true
  const found = searchRepositories(parts.state, page, isShown)
  const repositories: unknown[] = []
  for (const { repository } of found.slice(0, page.n)) {
    const usage = await measureUsage(parts, repository)
    if (usage !== undefined) repositories.push(shownUsage(usage))
  }
  const end = found.slice(0, page.n).at(-1)
  return jsonResponse(200, { repositories }, nextLink(request, found.length > page.n, end?.repository))
}

function shownUsage(usage: Exclude<Awaited<ReturnType<typeof measureUsage>>, undefined>): unknown {
  const { created, pushed, pulled, ...rest } = usage
  const times = { created: timeOf(created), pushed: timeOf(pushed) }
  return { ...rest, ...times, ...(pulled === undefined ? {} : { pulled: timeOf(pulled) }) }
}

function requireRepository(request: RegistryRequest): string {
  const repository = parseRepository(request)
  if (repository === undefined) throw new WireError('NAME_INVALID', 'say which with ?repository=NAME')
  if (request.principal?.may(repository, 'pull') !== false) return repository
  throw new WireError('DENIED', `${JSON.stringify(request.principal.name)} may not pull from ${repository}`)
}

function placeOf({ repository, tag }: Found): string {
  return tag === undefined ? repository : `${repository}:${tag}`
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

function nextLink(request: RegistryRequest, hasMore: boolean, last: string | undefined): Record<string, string> {
  if (!hasMore || last === undefined) return {}
  const query = new URLSearchParams(request.query)
  query.set('last', last)
  return { Link: `<${request.path}?${query.toString()}>; rel="next"` }
}
