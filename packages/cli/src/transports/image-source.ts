import type { BlobSource, ReferrerLister } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'
import type { Transport } from './parse-transport.ts'

/** An image that was named on the command line, found: whatever its name comes to mean later, this stays the same content. */
export interface ImageSource extends AsyncDisposable {
  /** Where it was found; never `smart`. */
  readonly transport: Transport
  /** The same for messages. */
  readonly label: string
  readonly descriptor: Descriptor
  /** Its full name; undefined where it has none (a digest in a layout, a name that is only a tag). */
  readonly reference: string | undefined
  /** Has its content. Of a registry this is the repository, so that another one of the same registry can mount from it. */
  readonly blobs: BlobSource
  /** Lists what refers to it; undefined where that is not known. */
  readonly referrers: ReferrerLister | undefined
  /** What another tag of its repository stands for: `sha256-<hex>.sig` beside an image. */
  sibling(tag: string): Promise<Descriptor | undefined>
}
