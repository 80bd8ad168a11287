import type { BlobIngester, BlobSink, BlobSource, Codec, TagResolver, TagWriter } from '@gantry/image'
import type { BaseEvent } from './base-event.ts'

/** What making a base image works with. */
export interface BasePorts {
  /** Where the image goes. A lease, where there are such, keeps its layers from being collected before they have a name. */
  readonly store: BlobSource &
    BlobSink &
    BlobIngester &
    TagResolver &
    TagWriter & { lease?(what: 'new'): AsyncDisposable }
  readonly codec: Codec
  /** Kept between builds: lists of packages and downloaded packages; made when it is not there. */
  readonly directory: string
}

/** What a person may choose of a base image. */
export interface BaseOptions {
  /** The address of a mirror that has the release. Default: what the host's APT configuration names. */
  readonly mirror?: string
  /** The release. Default: the host's own. */
  readonly suite?: string
  /** The image's name. Default: `localhost/<name>:latest`. */
  readonly tag?: string
  /** Makes the image even if it is there, made from the same packages. */
  readonly force?: boolean
  readonly onEvent?: (event: BaseEvent) => void
  readonly signal?: AbortSignal
}
