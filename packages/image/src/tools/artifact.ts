import { encodeJson, MediaType, type Descriptor, type Manifest } from '@gantry/oci'
import type { BlobSource } from '../blob.ts'
import { describeBytes } from '../bytes.ts'
import type { Hashing } from '../codec.ts'
import { overlaySource } from '../overlay-source.ts'
import { ImageError } from '../errors.ts'

/** One blob of an artifact: bytes that are at hand, or a blob that a source has. */
export type ArtifactBlob =
  | { readonly bytes: Uint8Array; readonly mediaType: string; readonly annotations?: Readonly<Record<string, string>> }
  | { readonly descriptor: Descriptor; readonly source: BlobSource }

/** What an artifact is made of. */
export interface ArtifactParts {
  /** Such as `application/spdx+json` or `application/vnd.example.report`. */
  readonly artifactType: string
  readonly blobs: readonly ArtifactBlob[]
  /** What it refers to. */
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/** An artifact: `copy(artifact.source, sink, artifact.descriptor)` writes it. */
export interface Artifact {
  /** Of its manifest, with the artifact's type and annotations, as lists of referrers have it. */
  readonly descriptor: Descriptor
  readonly source: BlobSource
}

const empty = new TextEncoder().encode('{}')
const nothing: BlobSource = {
  open: async ({ digest }) => {
    throw new ImageError('BLOB_UNKNOWN', `Cannot open ${digest}: it is not of the artifact`)
  },
}

/**
 * Makes an artifact: a manifest with the empty config, an artifact type and perhaps a subject. Without blobs it has the empty one
 * as its layer, as the specification asks. Equal parts make equal bytes: no time is added.
 *
 * @throws {ImageError} ARTIFACT_INVALID: no media type
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage
 */
export async function assembleArtifact(parts: ArtifactParts, codec: Hashing): Promise<Artifact> {
  const { artifactType, subject, annotations } = parts
  if (!/^[\w.+-]+\/[\w.+-]+(?:;.*)?$/.test(artifactType)) {
    throw new ImageError(
      'ARTIFACT_INVALID',
      `Cannot make an artifact of the type ${JSON.stringify(artifactType)}: it is no media type`,
    )
  }
  const config = await describeBytes(empty, MediaType.emptyJson, codec)
  const known = new Map<Descriptor['digest'], Uint8Array | BlobSource>([[config.digest, empty]])
  const layers: Descriptor[] = []
  for (const blob of parts.blobs) {
    if ('source' in blob) {
      known.set(blob.descriptor.digest, blob.source)
      layers.push(blob.descriptor)
      continue
    }
    const described = await describeBytes(blob.bytes, blob.mediaType, codec)
    known.set(described.digest, blob.bytes)
    layers.push({ ...described, ...(blob.annotations === undefined ? {} : { annotations: blob.annotations }) })
  }
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    artifactType,
    config,
    layers: layers.length === 0 ? [config] : layers,
    ...(subject === undefined ? {} : { subject: bare(subject) }),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
  }
  const bytes = encodeJson(manifest)
  const descriptor = await describeBytes(bytes, MediaType.imageManifest, codec)
  known.set(descriptor.digest, bytes)
  return {
    descriptor: {
      ...descriptor,
      artifactType,
      ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
    },
    source: overlaySource(nothing, known),
  }
}

function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}
