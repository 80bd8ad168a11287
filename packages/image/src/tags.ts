import type { Descriptor, Digest } from '@gantry/oci'

/** Finds what a name stands for. */
export interface TagResolver {
  /** The descriptor behind a tag, a digest or a full name (the implementation says which); undefined when unknown. */
  resolve(reference: string): Promise<Descriptor | undefined>
}

/** Gives names. */
export interface TagWriter {
  /** Points the name at the content, which must be there; replaces what it pointed at. */
  tag(reference: string, descriptor: Descriptor): Promise<void>
}

/** Lists what refers to content by its `subject`: signatures, attestations, other artifacts. */
export interface ReferrerLister {
  /** Descriptors of the referring manifests, with their `artifactType` and annotations; none is an empty list. */
  referrers(digest: Digest, artifactType?: string): AsyncIterable<Descriptor>
}
