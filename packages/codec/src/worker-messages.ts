import type { DigestAlgorithm } from '@gantry/oci'

/** What the codec asks of a worker. `job` names one stream of bytes; what is asked of one job is done in order. */
export type WorkerRequest =
  | {
      readonly kind: 'open'
      readonly job: number
      readonly algorithm: DigestAlgorithm
      /** The staging file, open for reading and writing in this process; absent when the bytes are only hashed. */
      readonly fd?: number
      /** Bytes that the file already has, to be hashed first. */
      readonly size: number
    }
  | {
      readonly kind: 'chunk'
      readonly job: number
      readonly call: number
      readonly slab: SharedArrayBuffer
      readonly length: number
      readonly position: number
    }
  /** The file has its bytes up to `size` now: those that are not hashed yet are. */
  | { readonly kind: 'follow'; readonly job: number; readonly size: number }
  | { readonly kind: 'digest'; readonly job: number; readonly call: number; readonly algorithm: DigestAlgorithm }
  | { readonly kind: 'close'; readonly job: number }

/** What a worker answers: each `call` is answered once. */
export type WorkerAnswer = {
  readonly call: number
  /** For a digest, in hexadecimal. */
  readonly hex?: string
  readonly failure?: { readonly message: string; readonly code?: string }
}
