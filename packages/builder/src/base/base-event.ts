import type { Digest } from '@gantry/oci'

/** The base images that Gantry makes itself. */
export type BaseName = 'debian' | 'busybox' | 'node'

/** What happens while a base image is made, in order; `name` is that of the image as it was asked for. */
export type BaseEvent =
  | { readonly kind: 'base-start'; readonly name: string; readonly reference: string }
  /** A step began: one sentence for people. */
  | { readonly kind: 'base-step'; readonly name: string; readonly message: string }
  /** Commands of a package's maintainer script that are not done, for they are not understood; as they are written. */
  | {
      readonly kind: 'base-skipped'
      readonly name: string
      readonly package: string
      readonly script: string
      readonly commands: readonly string[]
    }
  /** A line that a program wrote. */
  | { readonly kind: 'base-output'; readonly name: string; readonly line: string }
  | {
      readonly kind: 'base-done'
      readonly name: string
      readonly reference: string
      readonly digest: Digest
      /** The image was there already, made from the same packages. */
      readonly upToDate: boolean
      /** Milliseconds. */
      readonly duration: number
    }
