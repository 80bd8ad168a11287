import type { Attached, AttachedSink, CopyOptions, PreparedCopy } from '@gantry/image'
import type { Transport } from './parse-transport.ts'

/** What belongs to an image goes where the image goes. */
export type { Attached }

/** A place for images that was named on the command line. */
export interface ImageSink extends AsyncDisposable {
  readonly transport: Transport
  /** The same for messages. */
  readonly label: string
  /** The name that content gets here; undefined when none was given and none is needed. */
  readonly name: string | undefined
  /** Where blobs can be put one by one; undefined for archives, which are written in one go. */
  readonly repository: AttachedSink | undefined
  /**
   * Copies content and what is attached to it here, and names it, the name last. An archive is whole when this resolves, and
   * not there when it rejects.
   */
  write(
    content: Pick<PreparedCopy, 'source' | 'descriptor'> & Partial<PreparedCopy>,
    options?: CopyOptions,
  ): Promise<void>
}
