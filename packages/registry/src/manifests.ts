import { digestOf } from '@gantry/codec'
import { collect, readDocument, referrerOf } from '@gantry/image'
import {
  digestAlgorithm,
  isIndexType,
  isManifestType,
  isNondistributableType,
  isTag,
  limits,
  parseJson,
  parseManifestOrIndex,
  quote,
} from '@gantry/oci'
import type { Descriptor, Digest, ManifestOrIndex } from '@gantry/oci'
import { commitDurably } from './commit-durably.ts'
import { edgesOf } from './edges.ts'
import { emitEvent } from './emit-event.ts'
import { etagMatches } from './etag-matches.ts'
import { bodyOf, emptyResponse } from './exchange.ts'
import type { RegistryRequest, RegistryResponse } from './exchange.ts'
import type { RegistryParts } from './registry-parts.ts'
import type { ManifestReference, Route } from './route.ts'
import type { RegistryStorage } from './storage.ts'
import type { TagGuard } from './tag-guard.ts'
import { WireError } from './wire-error.ts'

/** Tags of one request: the specification asks for ten at least. */
const mostTags = 100

type ManifestRoute = Extract<Route, { kind: 'manifest' }>

/** `GET` and `HEAD` of a manifest: the bytes and the media type that were pushed, whatever the client accepts. */
export async function getManifest(
  parts: RegistryParts,
  request: RegistryRequest,
  { repository, reference }: ManifestRoute,
): Promise<RegistryResponse> {
  const { catalog, storage } = parts
  const id = catalog.find(repository)
  if (id === undefined) throw new WireError('NAME_UNKNOWN', `there is no repository ${repository}`)
  const found = catalog.manifest(id, reference)
  const cached = found === undefined ? undefined : parts.documents.get(found.digest)
  if (found === undefined || (cached === undefined && (await storage.size(found.digest)) !== found.size)) {
    throw unknownManifest({ kind: 'manifest', repository, reference })
  }
  const headers = {
    'Content-Type': found.mediaType,
    'Docker-Content-Digest': found.digest,
    ETag: `"${found.digest}"`,
  }
  if (etagMatches(request.header('if-none-match'), headers.ETag)) return emptyResponse(304, headers)
  const answer = { status: 200, headers: { ...headers, 'Content-Length': String(found.size) } }
  if (request.method === 'HEAD') return answer
  const body = cached ?? (await readDocument(storage, found))
  if (cached === undefined) parts.documents.set(found.digest, body)
  emitEvent(parts, request, { kind: 'pull', repository, ...found, ...tagOf(reference) })
  return { ...answer, body }
}

/** `PUT` of a manifest under a tag or its digest. What it leads to must be in the repository already; its subject need not. */
export async function putManifest(
  parts: RegistryParts,
  request: RegistryRequest,
  { repository, reference }: ManifestRoute,
): Promise<RegistryResponse> {
  const tags = readTags(request, reference)
  const bytes = await readBody(request)
  const mediaType = readMediaType(request, bytes)
  const content = parseManifestOrIndex(bytes, mediaType)
  const digest = digestOf(bytes, reference.kind === 'digest' ? digestAlgorithm(reference.digest) : 'sha256')
  if (reference.kind === 'digest' && reference.digest !== digest) {
    throw new WireError('DIGEST_INVALID', `the manifest has the digest ${digest}, not ${reference.digest}`)
  }
  await checkChildren(parts, repository, content)
  const descriptor: Descriptor = { mediaType, digest, size: bytes.length }
  const found = referrerOf(descriptor, content)
  const { guard } = request
  await storeManifest(parts, repository, {
    descriptor,
    bytes,
    content,
    tags,
    ...(guard === undefined ? {} : { guard }),
  })
  emitEvent(parts, request, { kind: 'push', repository, ...descriptor })
  for (const tag of tags) emitEvent(parts, request, { kind: 'tag', repository, ...descriptor, tag })
  return emptyResponse(201, {
    Location: `/v2/${repository}/manifests/${reference.kind === 'tag' ? reference.tag : digest}`,
    'Docker-Content-Digest': digest,
    ...(found === undefined ? {} : { 'OCI-Subject': found.subject.digest }),
    ...(reference.kind === 'digest' && tags.length > 0 ? { 'OCI-Tag': tags.join(', ') } : {}),
  })
}

/** A manifest with its bytes, and the tags it gets. */
export interface ManifestToStore {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
  /** What the bytes say. */
  readonly content: ManifestOrIndex
  readonly tags: readonly string[]
  readonly guard?: TagGuard
}

/** Stores a manifest and shows it in a repository; on the disk when it returns. What it leads to is not looked for. */
export async function storeManifest(
  { state, catalog, storage }: Pick<RegistryParts, 'state' | 'catalog' | 'storage'>,
  repository: string,
  { descriptor, bytes, content, tags, guard }: ManifestToStore,
): Promise<void> {
  const { digest } = descriptor
  const documents = bytes.length > (storage.documents?.mostBytes ?? 0) ? undefined : storage.documents
  await (documents === undefined ? stageDocument(storage, digest, bytes) : documents.write(digest, bytes))
  const found = referrerOf(descriptor, content)
  const referrer =
    found === undefined ? {} : { referrer: { subject: found.subject.digest, descriptor: found.descriptor } }
  await commitDurably(state, () => {
    const id = catalog.ensure(repository)
    documents?.keep(digest, bytes)
    for (const tag of guard === undefined ? [] : tags) {
      const before = catalog.manifest(id, { kind: 'tag', tag })
      guard?.({ repository, tag, after: descriptor.digest, ...(before === undefined ? {} : { before: before.digest }) })
    }
    catalog.putManifest(id, { ...descriptor, tags, edges: edgesOf(content), ...referrer })
    storage.retain(ownerOf(repository), descriptor.digest)
  })
}

async function stageDocument(storage: RegistryStorage, digest: Digest, bytes: Uint8Array): Promise<void> {
  await using staging = await storage.stage(undefined, digestAlgorithm(digest))
  await staging.write(bytes)
  await staging.commit({ digest })
  await storage.touch(digest)
}

/** `DELETE` of a tag, or of a manifest with all its tags. */
export async function deleteManifest(
  parts: RegistryParts,
  request: RegistryRequest,
  route: ManifestRoute,
): Promise<RegistryResponse> {
  const { state, catalog, storage } = parts
  const { repository, reference } = route
  const id = catalog.find(repository)
  if (id === undefined) throw unknownManifest(route)
  const deleted = await commitDurably(state, () => {
    const found = catalog.manifest(id, reference)
    if (found === undefined) return undefined
    const tags = reference.kind === 'tag' ? [reference.tag] : catalog.tagsOf(id, found.digest)
    for (const tag of tags) request.guard?.({ repository, tag, before: found.digest })
    if (reference.kind === 'tag') {
      catalog.deleteTag(id, reference.tag)
      return { ...found, tags }
    }
    guardWhole(parts, request, repository, found.digest)
    request.guard?.({ repository, before: found.digest })
    storage.release(ownerOf(repository), found.digest)
    catalog.deleteManifest(id, found.digest)
    return { ...found, tags }
  })
  if (deleted === undefined) throw unknownManifest(route)
  const { tags, ...manifest } = deleted
  for (const tag of tags) emitEvent(parts, request, { kind: 'untag', repository, ...manifest, tag })
  if (reference.kind === 'digest') emitEvent(parts, request, { kind: 'delete', repository, ...manifest })
  return emptyResponse(202)
}

/** Asks the guard about the tags that what is to be taken away is a part of. Inside the transaction that takes it away. */
export function guardWhole(
  { catalog }: Pick<RegistryParts, 'catalog'>,
  { guard }: RegistryRequest,
  repository: string,
  part: Digest,
): void {
  const id = guard === undefined ? undefined : catalog.find(repository)
  if (id === undefined) return
  for (const { tag, digest } of catalog.tagsLeadingTo(id, part)) guard?.({ repository, tag, before: digest, part })
}

function tagOf(reference: ManifestReference): { readonly tag?: string } {
  return reference.kind === 'tag' ? { tag: reference.tag } : {}
}

/** For whom a repository's manifests are kept in the store. */
export function ownerOf(repository: string): string {
  return `registry/${repository}`
}

function readTags(request: RegistryRequest, reference: ManifestRoute['reference']): readonly string[] {
  if (reference.kind === 'tag') return [reference.tag]
  const tags = request.query.getAll('tag')
  if (tags.length > mostTags) {
    throw new WireError('SIZE_INVALID', `a manifest gets at most ${mostTags} tags at once`, { status: 414 })
  }
  for (const tag of tags) if (!isTag(tag)) throw new WireError('MANIFEST_INVALID', `${quote(tag)} is not a tag`)
  return [...new Set(tags)]
}

async function readBody(request: RegistryRequest): Promise<Uint8Array> {
  const isAnnounced = Number(request.header('content-length') ?? 0) > limits.documentBytes
  const bytes = isAnnounced ? undefined : await collect(bodyOf(request), limits.documentBytes)
  if (bytes !== undefined) return bytes
  throw new WireError('SIZE_INVALID', `a manifest has at most ${limits.documentBytes} bytes`, { status: 413 })
}

/** The type it is pushed as, without parameters; a client that does not say is taken at the word inside. */
function readMediaType(request: RegistryRequest, bytes: Uint8Array): string {
  const header = request.header('content-type')?.split(';')[0]?.trim() ?? ''
  const mediaType = header === '' || header === 'application/json' ? mediaTypeInside(bytes) : header
  if (isManifestType(mediaType) || isIndexType(mediaType)) return mediaType
  throw new WireError('MANIFEST_INVALID', `${quote(mediaType)} is not the media type of a manifest or index`)
}

function mediaTypeInside(bytes: Uint8Array): string {
  const value = parseJson(bytes, { code: 'MANIFEST_INVALID', what: 'manifest' })
  const inside = typeof value === 'object' && value !== null && 'mediaType' in value ? value.mediaType : ''
  return typeof inside === 'string' ? inside : ''
}

async function checkChildren(
  { catalog, storage, sparseIndexes }: RegistryParts,
  repository: string,
  content: ManifestOrIndex,
): Promise<void> {
  if (content.kind === 'index' && sparseIndexes) return
  const id = catalog.find(repository)
  const missing: Descriptor[] = []
  for (const child of childrenOf(content)) {
    const visible = id !== undefined && catalog.hasBlob(id, child.digest)
    if (visible) catalog.useBlob(id, child.digest, 60_000)
    if (!visible || (await storage.touch(child.digest)) === undefined) missing.push(child)
  }
  const [first] = missing
  if (first === undefined) return
  throw new WireError('MANIFEST_BLOB_UNKNOWN', `the repository ${repository} has no blob ${first.digest}`, {
    detail: missing.map(({ digest, mediaType, size }) => ({ digest, mediaType, size })),
  })
}

function childrenOf(content: ManifestOrIndex): readonly Descriptor[] {
  if (content.kind === 'index') return content.index.manifests
  const { config, layers } = content.manifest
  return [config, ...layers.filter((layer) => !isNondistributableType(layer.mediaType))]
}

function unknownManifest({ repository, reference }: ManifestRoute): WireError {
  const what = reference.kind === 'tag' ? `tag ${quote(reference.tag)}` : `manifest ${reference.digest}`
  return new WireError('MANIFEST_UNKNOWN', `the repository ${repository} has no ${what}`)
}
