import type { Digest } from '@gantry/oci'

/** The base images that Gantry makes itself. */
export type BaseName = 'debian' | 'busybox' | 'node'

/** What happens while a base image is made, in order. */
export type BaseEvent =
  | { readonly kind: 'base-start'; readonly name: BaseName; readonly reference: string }
  /** A step began: one sentence for people. */
  | { readonly kind: 'base-step'; readonly name: BaseName; readonly message: string }
  /** A line that a program wrote. */
  | { readonly kind: 'base-output'; readonly name: BaseName; readonly line: string }
  | {
      readonly kind: 'base-done'
      readonly name: BaseName
      readonly reference: string
      readonly digest: Digest
      /** The image was there already, made from the same packages. */
      readonly upToDate: boolean
      /** Milliseconds. */
      readonly duration: number
    }
