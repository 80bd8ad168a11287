import { isIndexType, isManifestType, MediaType } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'

/** `Accept` for manifests and indexes of all kinds. */
export const acceptAll: string = [
  MediaType.imageManifest,
  MediaType.imageIndex,
  MediaType.dockerManifest,
  MediaType.dockerManifestList,
].join(', ')

/** Whether something is kept among manifests, and not among blobs. */
export function isDocument({ mediaType }: Descriptor): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType)
}

/** `Accept` for a document whose type is known: its own goes first where it is none of the usual. */
export function acceptOf({ mediaType }: Descriptor): string {
  return acceptAll.includes(mediaType) ? acceptAll : `${mediaType}, ${acceptAll}`
}
