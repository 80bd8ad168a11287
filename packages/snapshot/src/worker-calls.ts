import type { Digest } from '@gantry/oci'
import type { Extracted } from './extract/extractor.ts'
import type { OverlayFormat } from './overlay-format.ts'

/** Unpacks one blob into an empty directory. */
export interface UnpackCall {
  readonly call: 'unpack'
  /** Path of the blob. */
  readonly blob: string
  readonly compression: 'none' | 'gzip' | 'zstd'
  readonly diffId: Digest
  readonly target: string
  readonly format: OverlayFormat
  /** The blob is still on its way: it has `size` bytes in the end, and is moved to `whole` then. Growth is told by `grown`. */
  readonly growing?: { readonly size: number; readonly whole: string }
}

/** Completes a layer from those below it, topmost first. */
export interface InheritCall {
  readonly call: 'inherit'
  readonly target: string
  readonly lowers: readonly string[]
  readonly extracted: Extracted
  readonly format: OverlayFormat
}

/** Sums up the disk space under a directory. */
export interface UsageCall {
  readonly call: 'usage'
  readonly directory: string
}

/** Writes the tar of an upper directory; answers with chunks. */
export interface DiffCall {
  readonly call: 'diff'
  readonly upper: string
  readonly format: OverlayFormat
  readonly mtime?: { readonly after: number; readonly becomes: number }
}

/** What a worker is asked. */
export type WorkerCall = UnpackCall | InheritCall | UsageCall | DiffCall

/** What a worker answers to `unpack`. */
export interface Unpacked {
  readonly extracted: Extracted
  /** Bytes of all files together. */
  readonly bytes: number
}

/** What comes back from a worker, besides its end. */
export type WorkerMessage =
  | { readonly kind: 'progress'; readonly bytes: number }
  | { readonly kind: 'chunk'; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'done'; readonly value?: unknown }
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly message: string }

/**
 * What a worker is told: something new, that a chunk was taken and the next one is wanted, how many bytes there are of the blob that
 * grows (absent: they were wrong), or to give up what it is at.
 */
export type WorkerOrder =
  | WorkerCall
  | { readonly call: 'more' }
  | { readonly call: 'grown'; readonly bytes: number | undefined }
  | { readonly call: 'stop' }
