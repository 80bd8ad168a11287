import type { BlobSink, BlobSource, CopyOptions, ReferrerLister, TagWriter } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'
import type { Transport } from './parse-transport.ts'

/** Where blobs can be put one by one. */
export interface SinkStore extends BlobSink, BlobSource, TagWriter {}

/** A place for images that was named on the command line. */
export interface ImageSink extends AsyncDisposable {
  readonly transport: Transport
  /** The same for messages. */
  readonly label: string
  /** The name that content gets here; undefined when none was given and none is needed. */
  readonly name: string | undefined
  /** Undefined for archives, which are written in one go. */
  readonly store: SinkStore | undefined
  /** What another tag of its repository is called here. */
  sibling(tag: string): string
  /** Lists what refers to content here; undefined where that is not known. */
  readonly referrers: ReferrerLister | undefined
  /**
   * Copies content here and names it, the name last. An archive is whole when this resolves, and not there when it rejects.
   */
  write(source: BlobSource, descriptor: Descriptor, options?: CopyOptions): Promise<void>
}
