import type { Digest } from '@gantry/oci'
import { emitEvent } from './emit-event.ts'
import { etagMatches } from './etag-matches.ts'
import { emptyResponse } from './exchange.ts'
import type { RegistryRequest, RegistryResponse } from './exchange.ts'
import { guardWhole } from './manifests.ts'
import { parseRange } from './range.ts'
import type { Part } from './range.ts'
import type { RegistryParts } from './registry-parts.ts'
import type { Route } from './route.ts'
import { WireError } from './wire-error.ts'

type BlobRoute = Extract<Route, { kind: 'blob' }>

/** `GET` and `HEAD` of a blob: the whole of it or one range. */
export async function getBlob(
  parts: RegistryParts,
  request: RegistryRequest,
  { repository, digest }: BlobRoute,
): Promise<RegistryResponse> {
  const { storage } = parts
  const isHead = request.method === 'HEAD'
  const id = parts.catalog.find(repository)
  const visible = id !== undefined && parts.catalog.hasBlob(id, digest)
  // A client that asks with HEAD is about to rely on the answer.
  if (visible && isHead) parts.catalog.useBlob(id, digest)
  const size = !visible ? undefined : isHead ? await storage.touch(digest) : await storage.size(digest)
  if (size === undefined) throw unknownBlob(repository, digest)
  const answer = describeBlob(request, digest, size)
  if (answer.part === undefined) return answer.response
  const { start, end } = answer.part
  emitEvent(parts, request, { kind: 'blob-pull', repository, digest, size: end - start })
  if (end === start) return answer.response
  const path = storage.file?.(digest)
  if (path !== undefined) return { ...answer.response, body: { path, start, end } }
  const descriptor = { mediaType: 'application/octet-stream', digest, size }
  const isWhole = start === 0 && end === size
  return { ...answer.response, body: await storage.open(descriptor, isWhole ? {} : { range: { start, end } }) }
}

/**
 * The answer to a `GET` or `HEAD` of a blob without its body, and the part of the blob that the body is to be: none for a HEAD,
 * and for a client that has it already.
 *
 * @throws {WireError} RANGE_INVALID
 */
export function describeBlob(
  request: RegistryRequest,
  digest: Digest,
  size: number,
): { readonly response: RegistryResponse; readonly part?: Part } {
  const headers = {
    'Docker-Content-Digest': digest,
    'Content-Type': 'application/octet-stream',
    'Accept-Ranges': 'bytes',
    ETag: `"${digest}"`,
    'Cache-Control': 'max-age=31536000, immutable',
  }
  if (etagMatches(request.header('if-none-match'), headers.ETag)) return { response: emptyResponse(304, headers) }
  // A part is wanted only of what the client has the other parts of.
  const isSame = (request.header('if-range') ?? headers.ETag) === headers.ETag
  const part = isSame ? parseRange(request.header('range'), size) : undefined
  if (part === 'unsatisfiable') {
    throw new WireError('RANGE_INVALID', `the blob has ${size} bytes`, {
      headers: { 'Content-Range': `bytes */${size}` },
    })
  }
  const { start, end } = part ?? { start: 0, end: size }
  const range = part === undefined ? {} : { 'Content-Range': `bytes ${start}-${end - 1}/${size}` }
  const status = part === undefined ? 200 : 206
  const response = { status, headers: { ...headers, ...range, 'Content-Length': String(end - start) } }
  return request.method === 'HEAD' ? { response } : { response, part: { start, end } }
}

/** `DELETE` of a blob: this repository no longer shows it; others do, and the bytes stay until they are collected. */
export async function deleteBlob(
  parts: RegistryParts,
  request: RegistryRequest,
  { repository, digest }: BlobRoute,
): Promise<RegistryResponse> {
  const id = parts.catalog.find(repository)
  const removed = parts.state.transaction(() => {
    if (id === undefined || !parts.catalog.hasBlob(id, digest)) return false
    guardWhole(parts, request, repository, digest)
    return parts.catalog.unlinkBlob(id, digest)
  })
  if (!removed) throw unknownBlob(repository, digest)
  emitEvent(parts, request, { kind: 'blob-delete', repository, digest })
  return emptyResponse(202, { 'Docker-Content-Digest': digest })
}

function unknownBlob(repository: string, digest: Digest): WireError {
  return new WireError('BLOB_UNKNOWN', `the repository ${repository} has no blob ${digest}`)
}
