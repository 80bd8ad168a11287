import type { BlobSink, BlobSource, PutOptions, ReferrerLister, TagResolver, TagWriter } from '@gantry/image'
import type { Descriptor, Digest, Reference } from '@gantry/oci'
import type { Ask } from './connection.ts'
import type { HttpResponse } from './transport/transport.ts'

/** How something is asked. */
export interface AskOptions {
  readonly signal?: AbortSignal
}

/**
 * One repository of a registry. References are tags, digests, or full names of which only tag and digest count. Manifests are
 * told from blobs by the descriptor's media type.
 */
export interface RemoteRepository extends BlobSource, BlobSink, TagResolver, TagWriter, ReferrerLister {
  /** As it stands in references: `docker.io`, `localhost:5000`. */
  readonly registry: string
  readonly repository: string

  has(descriptor: Descriptor, options?: PutOptions): Promise<boolean>
  /**
   * Has the registry take the blob without sending it: from another repository of the same registry, or, of a registry on this
   * machine, from wherever it has it already.
   */
  mount(descriptor: Descriptor, from: BlobSource, options?: PutOptions): Promise<boolean>

  /** What a tag or digest stands for; `undefined` when the repository does not have it. */
  resolve(reference: string, options?: AskOptions): Promise<Descriptor | undefined>
  /**
   * As `resolve`, for when it has to be there.
   *
   * @throws {RegistryError} MANIFEST_UNKNOWN or NAME_UNKNOWN, saying which
   */
  find(reference: string, options?: AskOptions): Promise<Descriptor>
  tag(reference: string, descriptor: Descriptor, options?: AskOptions): Promise<void>
  /** Removes a tag, or a manifest by its digest with all its tags; false when it was not there. */
  delete(reference: string, options?: AskOptions): Promise<boolean>
  /** The tags, in the registry's order. */
  tags(options?: AskOptions): AsyncIterable<string>
  referrers(digest: Digest, artifactType?: string, options?: AskOptions): AsyncIterable<Descriptor>
}

/** Asks registries over HTTP. */
export interface RegistryClient {
  /** The repository that a reference is in; asks nothing yet. */
  repository(reference: Pick<Reference, 'registry' | 'repository'>): RemoteRepository
  /**
   * Asks whether the registry is there and lets us in.
   *
   * @throws {RegistryError} UNAUTHORIZED, UNREACHABLE, TLS, ...
   */
  check(registry: string, options?: AskOptions): Promise<void>
  /**
   * Sends one request as it is, with authorization and after redirects: for those that pass answers on. The body of the answer
   * is read to its end or discarded.
   *
   * @throws {RegistryError} for every status but 2xx that is not accepted, and for connections that fail
   */
  send(registry: string, ask: Ask): Promise<HttpResponse>
  /** The `id` of the content store behind the registry, if it is a Gantry's: our own needs no bytes from us. */
  storeOf(registry: string, options?: AskOptions): Promise<string | undefined>
  /** The repositories that the registry lists, in its order. */
  repositories(registry: string, options?: AskOptions): AsyncIterable<string>
}
