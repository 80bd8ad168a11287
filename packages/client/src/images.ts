import type { Http, HttpResponse } from './http.ts'
import type { ImageDeleted, ImageHistoryItem, ImageInspect, ImageSummary, ProgressMessage } from './types/image.ts'
import { ApiError } from './api-error.ts'
import { jsonLines } from './json-lines.ts'
import { filtersText, query, type Filters } from './query.ts'

/** A person's name and password for a registry, or a token in place of them. */
export interface RegistryAuth {
  readonly username?: string
  readonly password?: string
  readonly serveraddress?: string
  readonly identitytoken?: string
  readonly registrytoken?: string
}

/** What `build` is to make of a context. */
export interface ImageBuildOptions {
  readonly dockerfile?: string
  readonly tags?: readonly string[]
  readonly target?: string
  readonly buildArgs?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
  readonly platform?: string
  readonly noCache?: boolean
  readonly pull?: boolean
  readonly signal?: AbortSignal
}

/** Verbs of images. Progress streams throw ApiError with code STREAM_FAILED where the daemon reports a failure within them;
 * a caller that stops reading one cancels the work. */
export interface ImagesApi {
  list(options?: { all?: boolean; digests?: boolean; filters?: Filters }): Promise<ImageSummary[]>
  inspect(name: string): Promise<ImageInspect>
  history(name: string): Promise<ImageHistoryItem[]>
  remove(name: string, options?: { force?: boolean; noPrune?: boolean }): Promise<ImageDeleted[]>
  tag(name: string, target: { repo: string; tag?: string }): Promise<void>
  push(
    name: string,
    options?: { tag?: string; auth?: RegistryAuth; signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage>
  pull(
    reference: string,
    options?: { platform?: string; auth?: RegistryAuth; signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage>
  load(
    archive: AsyncIterable<Uint8Array>,
    options?: { quiet?: boolean; signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage>
  /** A docker archive of the images. */
  save(names: readonly string[], options?: { signal?: AbortSignal }): Promise<AsyncIterable<Uint8Array>>
  /** Builds from a tar of the context. */
  build(context: AsyncIterable<Uint8Array>, options?: ImageBuildOptions): AsyncIterable<ProgressMessage>
}

/** Verbs of images over an HTTP connection. */
export function imagesApi(http: Http): ImagesApi {
  return {
    list: ({ all, digests, filters } = {}) =>
      http.json('GET', `/images/json${query({ all, digests, filters: filtersText(filters) })}`),
    inspect: (name) => http.json('GET', path(name, '/json')),
    history: (name) => http.json('GET', path(name, '/history')),
    remove: (name, { force, noPrune } = {}) =>
      http.json('DELETE', `${path(name, '')}${query({ force, noprune: noPrune })}`),
    tag: async (name, { repo, tag }) => {
      await http.empty('POST', `${path(name, '/tag')}${query({ repo, tag })}`)
    },
    push: (name, { tag, auth, signal } = {}) =>
      progress(http.request('POST', `${path(name, '/push')}${query({ tag })}`, { headers: authHeader(auth), signal })),
    pull: (reference, { platform, auth, signal } = {}) => {
      const target = `/images/create${query({ fromImage: reference, platform })}`
      return progress(http.request('POST', target, { headers: authHeader(auth), signal }))
    },
    load: (archive, { quiet, signal } = {}) =>
      progress(http.request('POST', `/images/load${query({ quiet })}`, { body: archive, headers: tarHeader, signal })),
    save: async (names, { signal } = {}) => {
      const list = names.map((name) => `names=${encodeURIComponent(name)}`).join('&')
      return (await http.request('GET', `/images/get?${list}`, { signal })).body
    },
    build: (context, options = {}) => {
      const { dockerfile, tags = [], target, buildArgs, labels, platform, noCache, pull, signal } = options
      const text = query({
        dockerfile,
        target,
        buildargs: buildArgs && JSON.stringify(buildArgs),
        labels: labels && JSON.stringify(labels),
        platform,
        nocache: noCache,
        pull,
      })
      const names = tags.map((tag) => `t=${encodeURIComponent(tag)}`).join('&')
      const joined = names === '' ? text : text === '' ? `?${names}` : `${text}&${names}`
      return progress(http.request('POST', `/build${joined}`, { body: context, headers: tarHeader, signal }))
    },
  }
}

const tarHeader = { 'Content-Type': 'application/x-tar' }

function authHeader(auth: RegistryAuth | undefined): Record<string, string> {
  return auth === undefined ? {} : { 'X-Registry-Auth': Buffer.from(JSON.stringify(auth)).toString('base64url') }
}

async function* progress(request: Promise<HttpResponse>): AsyncGenerator<ProgressMessage, void, undefined> {
  const response = await request
  for await (const message of jsonLines<ProgressMessage>(response.body)) {
    const failure = message.errorDetail?.message ?? message.error
    if (failure !== undefined) throw new ApiError('STREAM_FAILED', failure, { status: response.status })
    yield message
  }
}

function path(name: string, verb: string): string {
  return `/images/${name.split('/').map(encodeURIComponent).join('/')}${verb}`
}
