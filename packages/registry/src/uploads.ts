import { randomUUID } from 'node:crypto'
import { digestAlgorithm, isDigest, isRepositoryName, quote } from '@gantry/oci'
import type { Digest, DigestAlgorithm } from '@gantry/oci'
import { emitEvent } from './emit-event.ts'
import { bodyOf, emptyResponse } from './exchange.ts'
import type { RegistryRequest, RegistryResponse } from './exchange.ts'
import { parseContentRange } from './range.ts'
import type { Principal } from './principal.ts'
import type { RegistryParts } from './registry-parts.ts'
import type { Route } from './route.ts'
import type { UploadStaging } from './storage.ts'
import { toWireError, WireError } from './wire-error.ts'

type UploadRoute = Extract<Route, { kind: 'upload' }>

/** `POST` to uploads: a mount, a whole blob at once, or the start of a session. */
export async function startUpload(
  parts: RegistryParts,
  request: RegistryRequest,
  repository: string,
): Promise<RegistryResponse> {
  const mount = request.query.get('mount')
  if (mount !== null) {
    const mounted = await mountBlob(parts, request, repository, parseDigestParameter(mount))
    if (mounted !== undefined) return mounted
  }
  const digest = request.query.get('digest')
  if (digest !== null) return putWhole(parts, request, repository, parseDigestParameter(digest))
  const algorithm = request.query.get('digest-algorithm') ?? 'sha256'
  if (algorithm !== 'sha256' && algorithm !== 'sha512') {
    throw new WireError('DIGEST_INVALID', `the algorithm ${quote(algorithm)} is not supported`)
  }
  const id = randomUUID()
  parts.state.transaction(() => parts.uploads.start(id, parts.catalog.ensure(repository), algorithm))
  return emptyResponse(202, uploadHeaders(repository, id, 0))
}

/** `PATCH`: the next chunk, or a stream. */
export async function appendUpload(
  parts: RegistryParts,
  request: RegistryRequest,
  route: UploadRoute,
): Promise<RegistryResponse> {
  return useUpload(parts, route, async (staging) => {
    await append(request, staging, route)
    return emptyResponse(202, uploadHeaders(route.repository, route.id, staging.size))
  })
}

/** `PUT`: the last chunk, if there is one left, and the digest of it all. */
export async function finishUpload(
  parts: RegistryParts,
  request: RegistryRequest,
  route: UploadRoute,
): Promise<RegistryResponse> {
  const { repository, id } = route
  const digest = parseDigestParameter(request.query.get('digest'))
  return useUpload(
    parts,
    route,
    async (staging, number) => {
      await append(request, staging, route)
      if (!(await hasBecome(parts, staging, { id, digest }))) await become(parts, staging, { id, digest })
      parts.state.transaction(() => {
        parts.catalog.linkBlob(number, digest)
        parts.uploads.end(id)
      })
      const size = staging.size > 0 ? staging.size : ((await parts.storage.size(digest)) ?? 0)
      await parts.sessions.end(id)
      emitEvent(parts, request, { kind: 'blob-push', repository, digest, size })
      return emptyResponse(201, blobHeaders(repository, digest))
    },
    digest,
  )
}

/** Makes an upload the blob that it is said to be. */
async function become(
  parts: RegistryParts,
  staging: UploadStaging,
  { id, digest }: { readonly id: string; readonly digest: Digest },
): Promise<void> {
  const { uploads, state } = parts
  if (staging.size > 0) state.transaction(() => uploads.beginCommit(id, { digest, size: staging.size }))
  try {
    await commit(parts, staging, digest)
  } catch (error) {
    if (toWireError(error).code !== 'DIGEST_INVALID') throw error
    // What came is not what was announced and cannot be mended.
    uploads.end(id)
    await parts.sessions.discard(id)
    throw error
  }
}

/**
 * Whether the upload was made that blob by a server that ended before it could say so: its bytes are gone from the upload, and
 * the blob is there. Only what was received, and was about to be committed as just that, counts.
 */
async function hasBecome(
  { uploads, storage }: RegistryParts,
  staging: UploadStaging,
  { id, digest }: { readonly id: string; readonly digest: Digest },
): Promise<boolean> {
  if (staging.size > 0) return false
  const size = await storage.touch(digest)
  return size !== undefined && uploads.wasCommitting(id, { digest, size })
}

/** `GET`: how far it has come. */
export async function uploadStatus(parts: RegistryParts, route: UploadRoute): Promise<RegistryResponse> {
  return useUpload(parts, route, async (staging) =>
    emptyResponse(204, uploadHeaders(route.repository, route.id, staging.size)),
  )
}

/** `DELETE`: it is given up. */
export async function cancelUpload(parts: RegistryParts, route: UploadRoute): Promise<RegistryResponse> {
  await useUpload(parts, route, async () => {
    await parts.sessions.discard(route.id)
    parts.state.transaction(() => parts.uploads.end(route.id))
  })
  return emptyResponse(204)
}

async function mountBlob(
  parts: RegistryParts,
  request: RegistryRequest,
  repository: string,
  digest: Digest,
): Promise<RegistryResponse | undefined> {
  const from = request.query.get('from')
  if (from !== null && !isRepositoryName(from)) {
    throw new WireError('NAME_INVALID', `${quote(from)} is not a repository name`)
  }
  const { state, catalog, storage } = parts
  if (!mayMount(parts, request.principal, digest, from)) return undefined
  const size = await storage.touch(digest)
  if (size === undefined) return undefined
  state.transaction(() => catalog.linkBlob(catalog.ensure(repository), digest))
  emitEvent(parts, request, { kind: 'mount', repository, digest, size })
  return emptyResponse(201, blobHeaders(repository, digest))
}

/**
 * Content is shared by all repositories, so `from` need not have it: for who may see everything the name only says where it
 * most likely is. Anybody else mounts only what they could pull: a mount must not be the way to somebody's content.
 */
function mayMount(
  { catalog }: RegistryParts,
  principal: Principal | undefined,
  digest: Digest,
  from: string | null,
): boolean {
  if (principal === undefined) return true
  const sources = catalog.repositoriesOf(digest)
  return sources.some((name) => (from === null || name === from) && principal.may(name, 'pull'))
}

async function putWhole(
  parts: RegistryParts,
  request: RegistryRequest,
  repository: string,
  digest: Digest,
): Promise<RegistryResponse> {
  await using staging = await parts.storage.stage(undefined, digestAlgorithm(digest))
  for await (const chunk of bodyOf(request)) await staging.write(chunk)
  await commit(parts, staging, digest)
  parts.state.transaction(() => parts.catalog.linkBlob(parts.catalog.ensure(repository), digest))
  emitEvent(parts, request, { kind: 'blob-push', repository, digest, size: staging.size })
  return emptyResponse(201, blobHeaders(repository, digest))
}

async function commit({ storage }: RegistryParts, staging: UploadStaging, digest: Digest): Promise<void> {
  await staging.commit({ digest })
  await storage.touch(digest)
}

/** Takes the body in; refuses a chunk that does not begin where the last one ended, and leaves the session as it was. */
async function append(request: RegistryRequest, staging: UploadStaging, route: UploadRoute): Promise<void> {
  const limit = checkOrder(request, staging, route)
  const start = staging.size
  try {
    for await (const chunk of bodyOf(request)) {
      const left = limit - (staging.size - start)
      await staging.write(chunk.subarray(0, left))
      if (chunk.length > left) {
        throw new WireError('SIZE_INVALID', 'the body is longer than its Content-Range says')
      }
    }
  } finally {
    // Also of a client that hung up: it goes on from there.
    await staging.flush()
  }
  if (limit !== Infinity && staging.size - start < limit) {
    throw new WireError('SIZE_INVALID', 'the body is shorter than its Content-Range says')
  }
}

function checkOrder(request: RegistryRequest, staging: UploadStaging, route: UploadRoute): number {
  const header = request.header('content-range')
  if (header === undefined) return Infinity
  const part = parseContentRange(header)
  if (part === undefined) {
    throw new WireError('BLOB_UPLOAD_INVALID', `${quote(header)} is not a Content-Range such as "0-1023"`)
  }
  if (part.start !== staging.size) {
    throw new WireError('BLOB_UPLOAD_INVALID', `the next chunk begins at ${staging.size}, not at ${part.start}`, {
      status: 416,
      headers: uploadHeaders(route.repository, route.id, staging.size),
    })
  }
  const length = request.header('content-length')
  if (length !== undefined && Number(length) !== part.end - part.start) {
    throw new WireError('SIZE_INVALID', `Content-Length ${quote(length)} and Content-Range ${quote(header)} differ`)
  }
  return part.end - part.start
}

/** Works on an upload that is still under way when it is its turn. */
async function useUpload<T>(
  parts: RegistryParts,
  route: UploadRoute,
  work: (staging: UploadStaging, repository: number) => Promise<T>,
  digest?: Digest,
): Promise<T> {
  const { algorithm } = requireUpload(parts, route)
  return parts.sessions.use(
    route.id,
    (staging) => work(staging, requireUpload(parts, route).repository),
    digest === undefined ? algorithm : digestAlgorithm(digest),
  )
}

function requireUpload(
  { catalog, uploads }: RegistryParts,
  { repository, id }: UploadRoute,
): { readonly repository: number; readonly algorithm: DigestAlgorithm } {
  const number = catalog.find(repository)
  const algorithm = number === undefined ? undefined : uploads.use(id, number)
  if (number !== undefined && algorithm !== undefined) return { repository: number, algorithm }
  throw new WireError('BLOB_UPLOAD_UNKNOWN', `the repository ${repository} has no upload ${id}`)
}

function parseDigestParameter(text: string | null): Digest {
  if (text !== null && isDigest(text)) return text
  throw new WireError('DIGEST_INVALID', `${quote(text ?? '')} is not a sha256 or sha512 digest`)
}

function uploadHeaders(repository: string, id: string, size: number): Record<string, string> {
  return {
    Location: `/v2/${repository}/blobs/uploads/${id}`,
    'Docker-Upload-UUID': id,
    // Of an empty upload too: there is no way to say "none", and clients parse it.
    Range: `0-${Math.max(size - 1, 0)}`,
  }
}

function blobHeaders(repository: string, digest: Digest): Record<string, string> {
  return { Location: `/v2/${repository}/blobs/${digest}`, 'Docker-Content-Digest': digest }
}
