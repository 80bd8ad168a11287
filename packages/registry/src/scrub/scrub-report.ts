import type { Digest } from '@gantry/oci'

/** A blob that is not what its name says. */
export interface DamagedBlob {
  readonly digest: Digest
  /** The bytes it has. */
  readonly size: number
  /** Whether its bytes have another digest, or cannot be read. */
  readonly problem: 'wrong' | 'unreadable'
  /** The repositories that show it. */
  readonly repositories: readonly string[]
  /** The file where the damaged bytes are kept now. */
  readonly quarantined?: string
  /** Whether a good copy is in its place. */
  readonly repaired: boolean
}

/** Something that a manifest leads to and that is not there, or the manifest itself. */
export interface MissingContent {
  readonly digest: Digest
  readonly kind: 'manifest' | 'blob'
  readonly repository: string
  /** The manifest that leads to it; absent of a manifest that is missing itself. */
  readonly parent?: Digest
  readonly repaired: boolean
}

/** What a scrub found. */
export interface ScrubReport {
  /** Blobs whose digest was verified in this run. */
  readonly checked: number
  readonly bytes: number
  readonly damaged: readonly DamagedBlob[]
  readonly missing: readonly MissingContent[]
}

/** Told on the way. */
export type ScrubProgress =
  | {
      readonly kind: 'checked'
      readonly digest: Digest
      readonly checked: number
      readonly of: number
      readonly bytes: number
    }
  | { readonly kind: 'damaged'; readonly damaged: DamagedBlob }
  | { readonly kind: 'missing'; readonly missing: MissingContent }
  /** A source that could not be asked, or gave something else. */
  | { readonly kind: 'source-failed'; readonly digest: Digest; readonly error: unknown }
