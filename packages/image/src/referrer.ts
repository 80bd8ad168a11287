import type { Descriptor, ManifestOrIndex } from '@gantry/oci'

/** A manifest or index seen as what refers to its subject. */
export interface Referrer {
  readonly subject: Descriptor
  /** As the referrers API lists it: with the artifact's type and the annotations of the manifest. */
  readonly descriptor: Descriptor
}

/**
 * Reads a manifest's or index's `subject`; undefined when it has none. The type of an image manifest without
 * `artifactType` is its config's media type.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
 */
export function referrerOf(descriptor: Descriptor, content: ManifestOrIndex): Referrer | undefined {
  const { subject, annotations, artifactType } = content.kind === 'manifest' ? content.manifest : content.index
  if (subject === undefined) return undefined
  const type = artifactType ?? (content.kind === 'manifest' ? content.manifest.config.mediaType : undefined)
  const { mediaType, digest, size } = descriptor
  return {
    subject,
    descriptor: {
      mediaType,
      digest,
      size,
      ...(type === undefined ? {} : { artifactType: type }),
      ...(annotations === undefined ? {} : { annotations }),
    },
  }
}
