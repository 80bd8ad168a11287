import type { Http } from './http.ts'
import type { RequestOptions } from './http1/request.ts'
import type {
  ContentDiskUsage,
  ImageDeleted,
  ImageHistoryItem,
  ImageInspect,
  ImagesPruned,
  ImageSummary,
  ProgressMessage,
} from './types/image.ts'
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

/** Limits of the steps of a build, in bytes and microseconds. */
export interface ImageBuildLimits {
  readonly memory?: number
  readonly memorySwap?: number
  readonly cpuShares?: number
  readonly cpuPeriod?: number
  readonly cpuQuota?: number
  readonly cpusetCpus?: string
  readonly cpusetMems?: string
  readonly shmSize?: number
  readonly ulimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[]
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
  /** `default`, `host` or `none`. */
  readonly network?: string
  /** Addresses by names. */
  readonly addHosts?: Readonly<Record<string, string>>
  /** The address of a context that is elsewhere; the tar is not read then. */
  readonly remote?: string
  readonly limits?: ImageBuildLimits
  readonly signal?: AbortSignal
}

/** Verbs of images: the same shape over the socket and in-process. Progress streams throw where the work fails (over the socket
 * ApiError with code STREAM_FAILED), so no line of them carries an error; a caller that stops reading one cancels the work. */
export interface ImagesApi {
  list(options?: { all?: boolean; digests?: boolean; filters?: Filters }): Promise<ImageSummary[]>
  inspect(name: string): Promise<ImageInspect>
  history(name: string): Promise<ImageHistoryItem[]>
  remove(name: string, options?: { force?: boolean; noprune?: boolean }): Promise<ImageDeleted[]>
  /** Gives an image a further name, such as `reg.example/app:2`; the tag defaults to `latest`. */
  tag(source: string, target: string): Promise<void>
  push(reference: string, options?: { auth?: RegistryAuth; signal?: AbortSignal }): AsyncIterable<ProgressMessage>
  pull(
    reference: string,
    options?: { platform?: string; auth?: RegistryAuth; signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage>
  load(archive: AsyncIterable<Uint8Array>, options?: { signal?: AbortSignal }): AsyncIterable<ProgressMessage>
  /** Removes content that nothing leads to, and with `dangling=false` images that no container was made from; `until` and `label` choose. */
  prune(options?: { filters?: Filters }): Promise<ImagesPruned>
  /** What images and other content take on the disk. */
  diskUsage(): Promise<ContentDiskUsage>
  /** A docker archive of the images, which is an OCI layout too. */
  save(names: readonly string[], options?: { signal?: AbortSignal }): AsyncIterable<Uint8Array>
}

/** Verbs of images that only the daemon's API has. */
export interface RemoteImagesApi extends ImagesApi {
  /** Builds from a tar of the context. */
  build(context: AsyncIterable<Uint8Array>, options?: ImageBuildOptions): AsyncIterable<ProgressMessage>
}

/** Verbs of images over an HTTP connection. */
export function imagesApi(http: Http): RemoteImagesApi {
  return {
    list: ({ all, digests, filters } = {}) =>
      http.json('GET', `/images/json${query({ all, digests, filters: filtersText(filters) })}`),
    inspect: (name) => http.json('GET', path(name, '/json')),
    history: (name) => http.json('GET', path(name, '/history')),
    remove: (name, { force, noprune } = {}) => http.json('DELETE', `${path(name, '')}${query({ force, noprune })}`),
    prune: ({ filters } = {}) => http.json('POST', `/images/prune${query({ filters: filtersText(filters) })}`),
    diskUsage: async () => (await http.json<{ Content: ContentDiskUsage }>('GET', '/system/df')).Content,
    tag: async (source, target) => {
      await http.empty('POST', `${path(source, '/tag')}${query(splitTag(target))}`)
    },
    push: (reference, { auth, signal } = {}) => {
      const { repo, tag } = splitTag(reference)
      return progress(http, `${path(repo, '/push')}${query({ tag })}`, { headers: authHeader(auth), signal })
    },
    pull: (reference, { platform, auth, signal } = {}) => {
      const target = `/images/create${query({ fromImage: reference, platform })}`
      return progress(http, target, { headers: authHeader(auth), signal })
    },
    load: (archive, { signal } = {}) => progress(http, '/images/load', { body: archive, headers: tarHeader, signal }),
    save: async function* (names, { signal } = {}) {
      const list = names.map((name) => `names=${encodeURIComponent(name)}`).join('&')
      yield* (await http.request('GET', `/images/get?${list}`, { signal })).body
    },
    build: (context, options = {}) => {
      const {
        dockerfile,
        tags = [],
        target,
        buildArgs,
        labels,
        platform,
        noCache,
        pull,
        signal,
        network,
        remote,
      } = options
      const { addHosts = {}, limits = {} } = options
      const text = query({
        dockerfile,
        target,
        buildargs: buildArgs && JSON.stringify(buildArgs),
        labels: labels && JSON.stringify(labels),
        platform,
        nocache: noCache,
        pull,
        networkmode: network,
        remote,
        extrahosts: Object.entries(addHosts)
          .map(([name, address]) => `${name}:${address}`)
          .join(','),
        memory: limits.memory,
        memswap: limits.memorySwap,
        cpushares: limits.cpuShares,
        cpuperiod: limits.cpuPeriod,
        cpuquota: limits.cpuQuota,
        cpusetcpus: limits.cpusetCpus,
        cpusetmems: limits.cpusetMems,
        shmsize: limits.shmSize,
        ulimits:
          limits.ulimits &&
          JSON.stringify(limits.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard }))),
      })
      const names = tags.map((tag) => `t=${encodeURIComponent(tag)}`).join('&')
      const joined = names === '' ? text : text === '' ? `?${names}` : `${text}&${names}`
      return progress(http, `/build${joined}`, { body: context, headers: tarHeader, signal })
    },
  }
}

const tarHeader = { 'Content-Type': 'application/x-tar' }

function authHeader(auth: RegistryAuth | undefined): Record<string, string> {
  return auth === undefined ? {} : { 'X-Registry-Auth': Buffer.from(JSON.stringify(auth)).toString('base64url') }
}

/** Splits a name at the colon of its tag; a colon before the last slash belongs to a port. */
function splitTag(reference: string): { repo: string; tag?: string } {
  const colon = reference.indexOf(':', reference.lastIndexOf('/') + 1)
  if (colon < 0 || reference.includes('@')) return { repo: reference }
  return { repo: reference.slice(0, colon), tag: reference.slice(colon + 1) }
}

async function* progress(
  http: Http,
  target: string,
  options: RequestOptions,
): AsyncGenerator<ProgressMessage, void, undefined> {
  const response = await http.request('POST', target, options)
  for await (const message of jsonLines<ProgressMessage>(response.body)) {
    const failure = message.errorDetail?.message ?? message.error
    if (failure !== undefined) throw new ApiError('STREAM_FAILED', failure, { status: response.status })
    yield message
  }
}

function path(name: string, verb: string): string {
  return `/images/${name.split('/').map(encodeURIComponent).join('/')}${verb}`
}
