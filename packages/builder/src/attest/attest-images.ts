import { assembleArtifact, type Artifact, copy, copyAttached, openImage } from '@gantry/image'
import {
  type Descriptor,
  encodeJson,
  formatPlatform,
  formatReference,
  parseReference,
  type Platform,
} from '@gantry/oci'
import type { AttestOptions } from '../options.ts'
import type { BuilderPorts } from '../ports.ts'
import { type BuildFacts, provenanceType, statementOf, writeProvenance } from './provenance.ts'
import { readPackages } from './read-packages.ts'
import { sbomTypes, type SbomFormat, writeSbom } from './sbom.ts'

/** An image that something is attached to, one of a platform. */
export interface AttestedImage {
  readonly descriptor: Descriptor
  readonly platform: Platform
  /** RFC 3339. */
  readonly created: string
}

/** How images are attested. */
export interface AttestImagesOptions {
  readonly attest: AttestOptions
  /** Full names of the image. */
  readonly tags: readonly string[]
  readonly factsOf: (platform: Platform) => BuildFacts
  readonly signal: AbortSignal
}

const statementType = 'application/vnd.in-toto+json'
const predicateAnnotation = 'in-toto.io/predicate-type'

interface Attestation {
  readonly predicateType: string
  readonly predicate: object
  /** How the document itself is attached; a provenance is always a statement. */
  readonly mediaType: string | undefined
}

/**
 * Writes into the store what is attached to images, as artifacts that refer to them, listed beside each of their names. Equal images have
 * equal attestations.
 */
export async function attachAttestations(
  images: readonly AttestedImage[],
  options: AttestImagesOptions,
  ports: Pick<BuilderPorts, 'store' | 'codec'>,
): Promise<readonly Descriptor[]> {
  const { store, codec } = ports
  const { tags, signal } = options
  const made: Descriptor[] = []
  for (const image of images) {
    for (const attestation of await attestationsOf(image, options, ports)) {
      const artifact = await referrerOf(image, attestation, { options, codec })
      await copy(artifact.source, store, artifact.descriptor, { signal })
      for (const tag of new Set(tags.map(repositoryOf))) {
        const sibling = (name: string): string => formatReference(parseReference(`${tag}:${name}`))
        const sink = {
          blobs: store,
          sibling: (name: string) => store.resolve(sibling(name)),
          tagSibling: (name: string, descriptor: Descriptor) => store.tag(sibling(name), descriptor),
        }
        const attached = [{ descriptor: artifact.descriptor, subject: image.descriptor.digest }]
        await copyAttached(artifact.source, sink, attached, { codec, signal })
      }
      made.push(artifact.descriptor)
    }
  }
  return made
}

/**
 * Writes into the store the manifests that BuildKit puts beside images in their index, and answers how the index lists them.
 * @see https://github.com/moby/buildkit/blob/v0.32.0/docs/attestations/attestation-storage.md
 */
export async function attestationManifests(
  images: readonly AttestedImage[],
  options: AttestImagesOptions,
  { store, codec }: Pick<BuilderPorts, 'store' | 'codec'>,
): Promise<readonly Descriptor[]> {
  const manifests: Descriptor[] = []
  for (const image of images) {
    const blobs = (await attestationsOf(image, options, { store, codec })).map(({ predicateType, predicate }) => ({
      bytes: encodeJson(statementOf({ name: nameOf(options), ...image.descriptor }, predicateType, predicate)),
      mediaType: statementType,
      annotations: { [predicateAnnotation]: predicateType },
    }))
    const artifactType = 'application/vnd.docker.attestation.manifest.v1+json'
    const artifact = await assembleArtifact({ artifactType, blobs, subject: image.descriptor }, codec)
    await copy(artifact.source, store, artifact.descriptor, { signal: options.signal })
    const { mediaType, digest, size } = artifact.descriptor
    manifests.push({
      mediaType,
      digest,
      size,
      annotations: {
        'vnd.docker.reference.digest': image.descriptor.digest,
        'vnd.docker.reference.type': 'attestation-manifest',
      },
      platform: { architecture: 'unknown', os: 'unknown' },
    })
  }
  return manifests
}

async function attestationsOf(
  image: AttestedImage,
  { attest, factsOf, signal, tags }: AttestImagesOptions,
  { store, codec }: Pick<BuilderPorts, 'store' | 'codec'>,
): Promise<readonly Attestation[]> {
  const { provenance, sbom = [] } = attest
  const found: Attestation[] = []
  if (provenance !== undefined) {
    const predicate = writeProvenance(factsOf(image.platform), provenance)
    found.push({ predicateType: provenanceType, predicate, mediaType: undefined })
  }
  if (sbom.length > 0) {
    const content = await readPackages(await openImage(store, image.descriptor, { codec, signal }), signal)
    const subject = { name: nameOf({ tags }), digest: image.descriptor.digest, created: image.created }
    for (const format of new Set<SbomFormat>(sbom)) {
      found.push({ ...sbomTypes[format], predicate: writeSbom(format, subject, content) })
    }
  }
  return found
}

function referrerOf(
  { descriptor, platform }: AttestedImage,
  { predicateType, predicate, mediaType }: Attestation,
  { options, codec }: { readonly options: AttestImagesOptions; readonly codec: BuilderPorts['codec'] },
): Promise<Artifact> {
  const document =
    mediaType === undefined
      ? statementOf({ name: nameOf(options), ...descriptor }, predicateType, predicate)
      : predicate
  const type = mediaType ?? statementType
  const annotations = { [predicateAnnotation]: predicateType }
  return assembleArtifact(
    {
      artifactType: type,
      blobs: [{ bytes: encodeJson(document), mediaType: type, annotations }],
      subject: descriptor,
      annotations: { ...annotations, 'vnd.gantry.platform': formatPlatform(platform) },
    },
    codec,
  )
}

/** What the image is called in documents: the same for all builds under the same names. */
function nameOf({ tags }: Pick<AttestImagesOptions, 'tags'>): string {
  return tags[0] ?? 'image'
}

function repositoryOf(name: string): string {
  const { registry, repository } = parseReference(name)
  return `${registry}/${repository}`
}
