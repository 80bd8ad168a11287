import type {
  BlobIngester,
  BlobSink,
  BlobSource,
  LayoutEntry,
  PutOptions,
  ReferrerLister,
  TagResolver,
  TagWriter,
} from '@gantry/image'
import type { Descriptor, Digest } from '@gantry/oci'

/**
 * A directory with an OCI image layout that anybody may have made, and that other tools may read and write meanwhile. Names
 * are kept as they are given: a tag, a full name, any text.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
export interface LayoutDirectory extends BlobSource, BlobSink, BlobIngester, TagResolver, TagWriter, ReferrerLister {
  readonly path: string

  has(descriptor: Descriptor, options?: PutOptions): Promise<boolean>

  /** What `index.json` lists, in its order; entries without a name too. */
  entries(): Promise<readonly LayoutEntry[]>
  /** A digest, or a name as `findLayoutEntry` reads it. */
  resolve(reference: string): Promise<Descriptor | undefined>
  /**
   * Gives content a name, in one atomic change of `index.json`.
   *
   * @throws {ImageError} MANIFEST_UNKNOWN: the content is not there
   */
  tag(reference: string, descriptor: Descriptor): Promise<void>
  /** Lists content without a name, when it is not listed yet: other tools only see what `index.json` leads to. */
  list(descriptor: Descriptor): Promise<void>
  /** Takes content that is listed without a name out of the list, such as a referrer; false when it was not. Its blobs stay until `removeUnlisted`. */
  unlist(digest: Digest): Promise<boolean>
  /** Takes a name away; false when there was none. The content stays until `removeUnlisted`. */
  untag(reference: string): Promise<boolean>
  /** Removes blobs that nothing in `index.json` leads to and that were not put or asked for within `grace` milliseconds. */
  removeUnlisted(options?: { readonly grace?: number }): Promise<{ readonly blobs: number; readonly bytes: number }>
}
