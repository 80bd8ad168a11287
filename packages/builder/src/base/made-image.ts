import type { FoundImage } from './publish-image.ts'

/** A base image that is in the store and named. */
export interface MadeImage extends FoundImage {
  /** It was there before, made from the same packages. */
  readonly upToDate: boolean
}
