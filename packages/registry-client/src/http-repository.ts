import { digestOf } from '@gantry/codec'
import { collect, ImageError, readDocument, readerOf, resolveRange } from '@gantry/image'
import type { BlobReader, BlobSource, DriveOptions, Hashing, OpenOptions, PartialBlob, PutOptions } from '@gantry/image'
import {
  digestAlgorithm,
  isDigest,
  isTag,
  limits,
  MediaType,
  OciError,
  parseManifestOrIndex,
  parseReference,
} from '@gantry/oci'
import type { Descriptor, Digest, ManifestOrIndex } from '@gantry/oci'
import type { ClientEvent } from './client-event.ts'
import type { Asker } from './connection.ts'
import { describeAnswer } from './describe-answer.ts'
import { acceptAll, acceptOf, isDocument } from './document-types.ts'
import { download } from './download.ts'
import type { DownloadPlace } from './download.ts'
import { isLocalRegistry } from './endpoint.ts'
import { fill } from './fill.ts'
import { listReferrers } from './list-referrers.ts'
import { pagesOf } from './pages.ts'
import { RegistryError } from './registry-error.ts'
import type { AskOptions, RemoteRepository } from './remote-repository.ts'
import type { TransferLimits } from './transfer-options.ts'
import type { HttpResponse } from './transport/transport.ts'
import type { UploadMemory } from './upload-memory.ts'
import { Uploads } from './upload.ts'

/** Manifests that were just put are given tags without being fetched back. */
const remembered = 16

/** What a repository is made of. */
export interface RepositoryParts {
  readonly connection: Asker
  readonly repository: string
  readonly hashing: Hashing
  readonly limits: TransferLimits
  readonly uploads: UploadMemory
  readonly onEvent?: ((event: ClientEvent) => void) | undefined
}

/** A repository over HTTP. */
export class HttpRepository implements RemoteRepository {
  readonly registry: string
  readonly repository: string
  readonly #connection: Asker
  readonly #parts: RepositoryParts
  readonly #uploads: Uploads
  readonly #pull: readonly string[]
  readonly #push: readonly string[]
  readonly #manifests = new Map<Digest, Uint8Array>()

  constructor(parts: RepositoryParts) {
    const { connection, repository } = parts
    this.registry = connection.registry
    this.repository = repository
    this.#connection = connection
    this.#parts = parts
    this.#pull = [`repository:${repository}:pull`]
    this.#push = [`repository:${repository}:pull,push`]
    this.#uploads = new Uploads({ ...parts, scopes: this.#push, purpose: this.#purpose('push to') })
  }

  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<BlobReader> {
    const { digest, size } = descriptor
    const place = this.#blobPlace(digest)
    if (!isDocument(descriptor)) return download(place, descriptor, options)
    const manifest = { ...place, url: this.#manifestUrl(digest), headers: { accept: acceptOf(descriptor) } }
    if (options.range === undefined) return download(manifest, descriptor, options)
    // Registries give ranges of blobs only.
    const { start, end } = resolveRange(size, options.range)
    const bytes = await readDocument({ open: () => download(manifest, descriptor) }, descriptor)
    return readerOf(bytes.subarray(start, end), options.signal)
  }

  async fill(descriptor: Descriptor, partial: PartialBlob, options: DriveOptions = {}): Promise<void> {
    const { limits, onEvent } = this.#parts
    return fill({ ...this.#blobPlace(descriptor.digest), limits, onEvent }, descriptor, partial, options)
  }

  async has(descriptor: Descriptor, { signal }: PutOptions = {}): Promise<boolean> {
    const kind = isDocument(descriptor) ? 'manifests' : 'blobs'
    const response = await this.#connection.send({
      method: 'HEAD',
      url: `/v2/${this.repository}/${kind}/${descriptor.digest}`,
      headers: isDocument(descriptor) ? { accept: acceptOf(descriptor) } : {},
      scopes: this.#push,
      purpose: this.#purpose('push to'),
      signal,
      accept: [404, 405],
      mirrors: false,
    })
    await response.discard()
    const length = response.header('content-length')
    return response.status < 300 && (length === undefined || Number(length) === descriptor.size)
  }

  async mount(descriptor: Descriptor, from: BlobSource, { signal }: PutOptions = {}): Promise<boolean> {
    if (isDocument(descriptor)) return false
    if (from instanceof HttpRepository && from.registry === this.registry) {
      return this.#uploads.mount(descriptor.digest, from.repository, signal)
    }
    // Only some registries mount from nowhere in particular; the one on this machine may share our content.
    return isLocalRegistry(this.registry) ? this.#uploads.mount(descriptor.digest, undefined, signal) : false
  }

  async put(descriptor: Descriptor, body: AsyncIterable<Uint8Array>, { signal }: PutOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    if (!isDocument(descriptor)) return this.#uploads.push(descriptor, body, signal)
    const bytes = await collect(body, Math.min(descriptor.size, limits.documentBytes))
    if (bytes?.length !== descriptor.size) {
      const came = bytes === undefined ? 'more' : bytes.length
      throw new ImageError(
        'SIZE_MISMATCH',
        `Cannot push ${descriptor.digest}: ${came} bytes came, expected ${descriptor.size}`,
      )
    }
    const found = digestOf(bytes, digestAlgorithm(descriptor.digest))
    if (found !== descriptor.digest) {
      throw new ImageError(
        'DIGEST_MISMATCH',
        `Cannot push ${descriptor.digest}: the bytes that came have the digest ${found}`,
      )
    }
    await this.#putManifest(descriptor.digest, descriptor.mediaType, bytes, signal)
    this.#remember(descriptor.digest, bytes)
  }

  async draw(descriptor: Descriptor, from: BlobSource, options: DriveOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    return this.#uploads.draw(descriptor, from, options)
  }

  async resolve(reference: string, { signal }: AskOptions = {}): Promise<Descriptor | undefined> {
    const target = targetOf(reference)
    const response = await this.#askManifest('HEAD', target, signal, [404, 405])
    await response.discard()
    if (response.status === 404) return undefined
    const described = response.status === 405 ? undefined : describeAnswer(response, target)
    return described ?? this.#resolveByReading(target, signal)
  }

  async find(reference: string, options: AskOptions = {}): Promise<Descriptor> {
    const found = await this.resolve(reference, options)
    if (found !== undefined) return found
    // A HEAD has no body to say what exactly is not there.
    const response = await this.#askManifest('GET', targetOf(reference), options.signal, [])
    await response.discard()
    throw new RegistryError('MANIFEST_UNKNOWN', `${this.#purpose('pull', reference)}: it changed meanwhile; try again`)
  }

  async tag(reference: string, descriptor: Descriptor, { signal }: AskOptions = {}): Promise<void> {
    let bytes = this.#manifests.get(descriptor.digest)
    bytes ??= await readDocument(this, descriptor, signal === undefined ? {} : { signal })
    await this.#putManifest(targetOf(reference), descriptor.mediaType, bytes, signal)
  }

  async delete(reference: string, { signal }: AskOptions = {}): Promise<boolean> {
    const response = await this.#connection.send({
      method: 'DELETE',
      url: this.#manifestUrl(targetOf(reference)),
      scopes: [`repository:${this.repository}:delete`],
      purpose: this.#purpose('delete', reference),
      signal,
      accept: [404],
    })
    await response.discard()
    return response.status !== 404
  }

  async *tags({ signal }: AskOptions = {}): AsyncGenerator<string> {
    const ask = {
      method: 'GET',
      url: `/v2/${this.repository}/tags/list?n=1000`,
      scopes: this.#pull,
      purpose: this.#purpose('list the tags of'),
      signal,
    } as const
    for await (const { value } of pagesOf(this.#connection, ask)) {
      const tags: unknown = value['tags']
      if (!Array.isArray(tags)) continue
      for (const tag of tags) if (typeof tag === 'string' && isTag(tag)) yield tag
    }
  }

  referrers(digest: Digest, artifactType?: string, { signal }: AskOptions = {}): AsyncGenerator<Descriptor> {
    const purpose = this.#purpose('list the referrers in')
    const ask = { repository: this.repository, scopes: this.#pull, purpose, signal }
    return listReferrers({ connection: this.#connection, tagged: this, ask }, digest, artifactType)
  }

  async #putManifest(
    target: string,
    mediaType: string,
    bytes: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const response = await this.#connection.send({
      method: 'PUT',
      url: this.#manifestUrl(target),
      headers: { 'content-type': mediaType, 'content-length': String(bytes.length) },
      body: bytes,
      scopes: this.#push,
      purpose: this.#purpose('push', target),
      signal,
    })
    await response.discard()
  }

  /** For registries that do not answer a HEAD with everything. */
  async #resolveByReading(target: string, signal: AbortSignal | undefined): Promise<Descriptor | undefined> {
    const response = await this.#askManifest('GET', target, signal, [404])
    if (response.status === 404) {
      await response.discard()
      return undefined
    }
    const purpose = this.#purpose('pull', target)
    const bytes = await collect(response.body, limits.documentBytes).catch((error: unknown) => {
      throw this.#connection.failure(error, { purpose, signal })
    })
    if (bytes === undefined) {
      throw new ImageError('SIZE_MISMATCH', `${purpose}: the manifest has more than ${limits.documentBytes} bytes`)
    }
    const digest = digestOf(bytes, isDigest(target) ? digestAlgorithm(target) : 'sha256')
    if (isDigest(target) && digest !== target) {
      throw new ImageError('DIGEST_MISMATCH', `${purpose}: what came has the digest ${digest}`)
    }
    const content = this.#readManifest(bytes, purpose)
    const inside = content.kind === 'manifest' ? content.manifest.mediaType : content.index.mediaType
    const implied = content.kind === 'manifest' ? MediaType.imageManifest : MediaType.imageIndex
    return { mediaType: inside ?? implied, digest, size: bytes.length }
  }

  /** What is no manifest at all comes from something that is no registry: a proxy, a login page. */
  #readManifest(bytes: Uint8Array, purpose: string): ManifestOrIndex {
    try {
      return parseManifestOrIndex(bytes)
    } catch (error) {
      if (!(error instanceof OciError)) throw error
      const problem = error.message.replace('Cannot read the manifest: ', '')
      throw new RegistryError('MANIFEST_INVALID', `${purpose}: the registry answered with no manifest: ${problem}`, {
        registry: this.registry,
        cause: error,
      })
    }
  }

  #askManifest(
    method: 'GET' | 'HEAD',
    target: string,
    signal: AbortSignal | undefined,
    accepted: readonly number[],
  ): Promise<HttpResponse> {
    return this.#connection.send({
      method,
      url: this.#manifestUrl(target),
      headers: { accept: acceptAll },
      scopes: this.#pull,
      purpose: this.#purpose('pull', target),
      signal,
      accept: accepted,
      missing: 'MANIFEST_UNKNOWN',
    })
  }

  #blobPlace(digest: Digest): DownloadPlace {
    return {
      connection: this.#connection,
      hashing: this.#parts.hashing,
      scopes: this.#pull,
      purpose: this.#purpose('pull from'),
      url: `/v2/${this.repository}/blobs/${digest}`,
    }
  }

  #manifestUrl(target: string): string {
    return `/v2/${this.repository}/manifests/${target}`
  }

  #purpose(verb: string, target?: string): string {
    const separator = target === undefined || !isDigest(target) ? ':' : '@'
    return `Cannot ${verb} "${this.registry}/${this.repository}${target === undefined ? '' : separator + target}"`
  }

  #remember(digest: Digest, bytes: Uint8Array): void {
    this.#manifests.set(digest, bytes)
    const [oldest] = this.#manifests.keys()
    if (this.#manifests.size > remembered && oldest !== undefined) this.#manifests.delete(oldest)
  }
}

/** A tag or digest, also out of a full name. Names are parsed, so what goes into a URL is nothing else. */
function targetOf(reference: string): string {
  if (isDigest(reference) || isTag(reference)) return reference
  const { digest, tag } = parseReference(reference)
  return digest ?? tag ?? 'latest'
}
