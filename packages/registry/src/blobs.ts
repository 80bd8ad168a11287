import type { Digest } from '@gantry/oci'
import { emitEvent } from './emit-event.ts'
import { emptyResponse } from './exchange.ts'
import type { RegistryRequest, RegistryResponse } from './exchange.ts'
import { parseRange } from './range.ts'
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
  const visible = isVisible(parts, repository, digest)
  // A client that asks with HEAD is about to rely on the answer.
  const size = !visible ? undefined : isHead ? await storage.touch(digest) : await storage.size(digest)
  if (size === undefined) throw unknownBlob(repository, digest)
  const headers = {
    'Docker-Content-Digest': digest,
    'Content-Type': 'application/octet-stream',
    'Accept-Ranges': 'bytes',
    ETag: `"${digest}"`,
    'Cache-Control': 'max-age=31536000, immutable',
  }
  if (request.header('if-none-match') === headers.ETag) return emptyResponse(304, headers)
  const part = parseRange(request.header('range'), size)
  if (part === 'unsatisfiable') {
    throw new WireError('RANGE_INVALID', `the blob has ${size} bytes`, {
      headers: { 'Content-Range': `bytes */${size}` },
    })
  }
  const { start, end } = part ?? { start: 0, end: size }
  const range = part === undefined ? {} : { 'Content-Range': `bytes ${start}-${end - 1}/${size}` }
  const status = part === undefined ? 200 : 206
  const answer = { status, headers: { ...headers, ...range, 'Content-Length': String(end - start) } }
  if (isHead) return answer
  emitEvent(parts, request, { kind: 'blob-pull', repository, digest, size: end - start })
  if (end === start) return answer
  const path = storage.file?.(digest)
  if (path !== undefined) return { ...answer, body: { path, start, end } }
  const descriptor = { mediaType: 'application/octet-stream', digest, size }
  return { ...answer, body: await storage.open(descriptor, part === undefined ? {} : { range: { start, end } }) }
}

/** `DELETE` of a blob: this repository no longer shows it; others do, and the bytes stay until they are collected. */
export async function deleteBlob(
  parts: RegistryParts,
  request: RegistryRequest,
  { repository, digest }: BlobRoute,
): Promise<RegistryResponse> {
  const id = parts.catalog.find(repository)
  if (id === undefined || !parts.catalog.unlinkBlob(id, digest)) throw unknownBlob(repository, digest)
  emitEvent(parts, request, { kind: 'blob-delete', repository, digest })
  return emptyResponse(202, { 'Docker-Content-Digest': digest })
}

function isVisible({ catalog }: RegistryParts, repository: string, digest: Digest): boolean {
  const id = catalog.find(repository)
  return id !== undefined && catalog.hasBlob(id, digest)
}

function unknownBlob(repository: string, digest: Digest): WireError {
  return new WireError('BLOB_UNKNOWN', `the repository ${repository} has no blob ${digest}`)
}
