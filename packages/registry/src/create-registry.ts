import type { State } from '@gantry/state'
import { deleteBlob, getBlob } from './blobs.ts'
import { Catalog } from './catalog.ts'
import { listExtensions } from './discover.ts'
import type { RegistryExtension } from './discover.ts'
import { DocumentCache } from './document-cache.ts'
import { jsonResponse } from './exchange.ts'
import type { Answer, RegistryRequest, RegistryResponse } from './exchange.ts'
import { listReferrers, listRepositories, listTags } from './lists.ts'
import { deleteManifest, getManifest, putManifest } from './manifests.ts'
import type { RegistryEvent } from './registry-event.ts'
import type { RegistryParts } from './registry-parts.ts'
import { parseRoute } from './route.ts'
import type { Route } from './route.ts'
import type { RegistryStorage } from './storage.ts'
import { RepositoryFiles } from './repository-files.ts'
import { UploadRecords } from './upload-records.ts'
import { UploadSessions } from './upload-sessions.ts'
import { appendUpload, cancelUpload, finishUpload, startUpload, uploadStatus } from './uploads.ts'
import { answerWeb } from './web-adapter.ts'
import { warningHeader } from './warning-header.ts'
import { refusal } from './refusal.ts'
import { WireError } from './wire-error.ts'
import { steadyNow } from './clock/steady-clock.ts'

/** What a registry is made of. */
export interface RegistryOptions {
  /** Its blobs: `diskStorage(store)`, or `memoryStorage(...)` in tests. */
  readonly storage: RegistryStorage
  /** Opened with `registryMigrations`. */
  readonly state: State
  /** Whether an index may name manifests that its repository does not have, for those who mirror some platforms. Default: no. */
  readonly sparseIndexes?: boolean
  /** What is told of at `_oci/ext/discover`; who answers there is somebody in front of the registry. */
  readonly extensions?: readonly RegistryExtension[]
  /** What clients are to show to people with the answer, such as that the registry moves; in ASCII. */
  readonly warnings?: (request: RegistryRequest) => readonly string[]
  /** Told of what is the server's own fault, with the request it happened on, if it was one. */
  readonly onError?: (error: unknown, request?: RegistryRequest) => void
  /** Told of what clients do. It is called on the way to the answer, so it must be quick. */
  readonly onEvent?: (event: RegistryEvent) => void
}

/** A registry. Disposing of it closes the uploads under way, which the next process goes on with. */
export interface Registry extends AsyncDisposable {
  /**
   * Answers a request of the distribution API, of which only the path and the query of the URL count. Never rejects.
   *
   * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
   */
  readonly handle: (request: Request) => Promise<Response>
  /** The same for adapters that move the bytes themselves. */
  readonly answer: Answer
  /** Removes uploads that nobody has gone on with for a week, or for as long as given in milliseconds. */
  removeAbandonedUploads(options?: { readonly age?: number }): Promise<number>
}

const week = 7 * 24 * 3_600_000

/** Makes a registry over a storage and the state database. */
export function createRegistry(options: RegistryOptions): Registry {
  const { storage, state, onError, onEvent, sparseIndexes = false, extensions = [], warnings } = options
  const sessions = new UploadSessions(storage)
  const { directory } = storage
  const files = directory === undefined ? undefined : new RepositoryFiles(state, directory, (error) => onError?.(error))
  files?.schedule()
  const parts: RegistryParts = {
    storage,
    state,
    catalog: new Catalog(state, () => files?.schedule()),
    uploads: new UploadRecords(state),
    sessions,
    documents: new DocumentCache(),
    sparseIndexes,
    onEvent,
    onError,
  }
  const warn = (request: RegistryRequest): Readonly<Record<string, string>> => {
    try {
      return warnings === undefined ? {} : warningHeader(warnings(request))
    } catch (error) {
      onError?.(error, request)
      return {}
    }
  }
  const answer = async (request: RegistryRequest): Promise<RegistryResponse> => {
    const response = await dispatch(parts, request, extensions).catch((error: unknown) =>
      refusal(error, request, { onFault: onError }),
    )
    const headers = { ...apiVersion, ...warn(request), ...response.headers }
    return request.method === 'HEAD' ? { status: response.status, headers } : { ...response, headers }
  }
  return {
    answer,
    handle: (request) => answerWeb(answer, request),
    async removeAbandonedUploads({ age = week } = {}) {
      const ids = parts.uploads.abandoned(steadyNow() - age)
      for (const id of ids) {
        await sessions.use(id, () => sessions.discard(id))
        parts.uploads.end(id)
      }
      return ids.length
    },
    async [Symbol.asyncDispose]() {
      await sessions.close()
      files?.flush()
    },
  }
}

const apiVersion = { 'Docker-Distribution-Api-Version': 'registry/2.0' }

async function dispatch(
  parts: RegistryParts,
  request: RegistryRequest,
  extensions: readonly RegistryExtension[],
): Promise<RegistryResponse> {
  const route = parseRoute(request.path)
  if (route === undefined) throw new WireError('UNSUPPORTED', 'there is nothing here', { status: 404 })
  const response = await byMethod(parts, request, route, extensions)
  if (response !== undefined) return response
  const allowed = methods[route.kind].join(', ')
  throw new WireError('UNSUPPORTED', `here are ${allowed} only`, { headers: { Allow: allowed } })
}

/** Lets a client of the same content store see that nothing need be sent. */
function identity({ storage }: RegistryParts): Record<string, string> {
  return storage.id === undefined ? {} : { 'Gantry-Store': storage.id }
}

const methods: Readonly<Record<Route['kind'], readonly string[]>> = {
  base: ['GET', 'HEAD'],
  catalog: ['GET', 'HEAD'],
  discover: ['GET', 'HEAD'],
  blob: ['GET', 'HEAD', 'DELETE'],
  uploads: ['POST'],
  upload: ['GET', 'PATCH', 'PUT', 'DELETE'],
  manifest: ['GET', 'HEAD', 'PUT', 'DELETE'],
  tags: ['GET', 'HEAD'],
  referrers: ['GET', 'HEAD'],
}

async function byMethod(
  parts: RegistryParts,
  request: RegistryRequest,
  route: Route,
  extensions: readonly RegistryExtension[],
): Promise<RegistryResponse | undefined> {
  const { method } = request
  if (!methods[route.kind].includes(method)) return undefined
  switch (route.kind) {
    case 'base':
      return jsonResponse(200, {}, identity(parts))
    case 'catalog':
      return listRepositories(parts, request)
    case 'discover':
      return listExtensions(extensions, route.repository === undefined ? 'registry' : 'repository')
    case 'blob':
      return method === 'DELETE' ? deleteBlob(parts, request, route) : getBlob(parts, request, route)
    case 'uploads':
      return startUpload(parts, request, route.repository)
    case 'upload':
      if (method === 'PATCH') return appendUpload(parts, request, route)
      if (method === 'PUT') return finishUpload(parts, request, route)
      return method === 'GET' ? uploadStatus(parts, route) : cancelUpload(parts, route)
    case 'manifest':
      if (method === 'PUT') return putManifest(parts, request, route)
      return method === 'DELETE' ? deleteManifest(parts, request, route) : getManifest(parts, request, route)
    case 'tags':
      return listTags(parts, request, route.repository)
    case 'referrers':
      return listReferrers(parts, request, route)
  }
}
