import {
  digestAlgorithm,
  digestHex,
  encodeJson,
  familiarReference,
  isConfigType,
  isIndexType,
  isLayerType,
  layoutFile,
  MediaType,
  parseIndex,
  parseManifest,
  parseReference,
  refNameAnnotation,
  selectPlatform,
  type Descriptor,
  type Digest,
  type Platform,
} from '@gantry/oci'
import { writeTar, type TarInput } from '@gantry/tar'
import type { BlobSource } from '../blob.ts'
import { childrenOf, hasChildren } from '../children.ts'
import { ImageError } from '../errors.ts'
import { readDocument } from '../read-document.ts'
import type { DockerArchiveImage } from './docker-manifest.ts'
import { imageNameAnnotation } from './layout-names.ts'

/** An image to be saved, or one that has been loaded. */
export interface ArchivedImage {
  /** Its full name. */
  readonly reference?: string
  /** What an image layout calls it, where that is not simply the tag of its full name. */
  readonly name?: string
  readonly descriptor: Descriptor
}

/** The kinds of archive that are written. */
export type ArchiveKind = 'oci' | 'docker'

/** How images are saved. */
export interface SaveOptions {
  readonly source: BlobSource
  /** Of an index only this platform is saved; otherwise all that the source has. */
  readonly platform?: Platform
  /** What Docker's `manifest.json` shows of an index, which it has no place for; the first image that is there by default. */
  readonly preferred?: Platform
  readonly signal?: AbortSignal
}

/**
 * Saves images as `docker save` of version 25 and later does: the tar of an OCI image layout that carries Docker's
 * `manifest.json` and `repositories` as well, so that Docker, Podman, skopeo and containerd all load it. Blobs stay as they
 * are and each is there once; equal images make equal bytes. Nothing larger than a manifest is held in memory.
 *
 * @throws {ImageError} from the stream: what the source throws
 */
export function saveDockerArchive(images: readonly ArchivedImage[], options: SaveOptions): AsyncGenerator<Uint8Array> {
  return saveArchive(images, { ...options, kind: 'docker' })
}

/** As {@link saveDockerArchive}; of the kind `oci` it is the tar of an image layout and nothing else. */
export async function* saveArchive(
  images: readonly ArchivedImage[],
  options: SaveOptions & { readonly kind: ArchiveKind },
): AsyncGenerator<Uint8Array> {
  const blobs = new Map<Digest, Descriptor>()
  const shown = new Map<string, DockerArchiveImage>()
  const repositories = new Map<string, Map<string, string>>()
  for (const { reference, descriptor } of images) {
    const manifests = await gather(descriptor, blobs, options)
    const manifest = options.kind === 'docker' ? await choose(manifests, options) : undefined
    if (manifest === undefined) continue
    const { config, layers } = parseManifest(await readDocument(options.source, manifest, options))
    const known = shown.get(manifest.digest)
    const names = [...(known?.RepoTags ?? []), ...shortNames(reference)]
    const paths = { Config: blobPath(config.digest), Layers: layers.map((layer) => blobPath(layer.digest)) }
    shown.set(manifest.digest, { Config: paths.Config, RepoTags: names, Layers: paths.Layers })
    const top = layers.at(-1)
    if (top === undefined) continue
    for (const name of shortNames(reference)) addTo(repositories, name, digestHex(top.digest))
  }
  const index = { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: images.map(named) }
  yield* writeTar([
    ...blobEntries([...blobs.values()], options),
    documentEntry('index.json', encodeJson(index)),
    ...(options.kind === 'oci' ? [] : [documentEntry('manifest.json', encodeJson([...shown.values()]))]),
    documentEntry('oci-layout', layoutFile),
    ...(repositories.size === 0 ? [] : [documentEntry('repositories', encodeJson(plain(repositories)))]),
  ])
}

/** The one image that Docker's own document shows: artifacts and attestations cannot be loaded as one. */
async function choose(
  manifests: readonly Descriptor[],
  { source, preferred, signal }: SaveOptions,
): Promise<Descriptor | undefined> {
  const images: Descriptor[] = []
  for (const manifest of manifests) {
    const { config, layers } = parseManifest(
      await readDocument(source, manifest, signal === undefined ? {} : { signal }),
    )
    if (isConfigType(config.mediaType) && layers.every(({ mediaType }) => isLayerType(mediaType))) images.push(manifest)
  }
  return (preferred === undefined ? undefined : selectPlatform(images, preferred)) ?? images[0]
}

// Docker's list of names to top layers, for its versions before 1.10.
function addTo(repositories: Map<string, Map<string, string>>, name: string, layer: string): void {
  const colon = name.lastIndexOf(':')
  const tags = repositories.get(name.slice(0, colon)) ?? new Map<string, string>()
  repositories.set(name.slice(0, colon), tags.set(name.slice(colon + 1), layer))
}

function plain(repositories: ReadonlyMap<string, ReadonlyMap<string, string>>): unknown {
  return Object.fromEntries([...repositories].map(([name, tags]) => [name, Object.fromEntries(tags)]))
}

/** Adds everything under a descriptor to `blobs`; answers the image manifests among it, in order. */
async function gather(
  descriptor: Descriptor,
  blobs: Map<Digest, Descriptor>,
  options: SaveOptions,
): Promise<readonly Descriptor[]> {
  blobs.set(descriptor.digest, descriptor)
  if (!hasChildren(descriptor)) return []
  const bytes = await readDocument(options.source, descriptor, options)
  const children = await childrenOf(
    options.source,
    { bytes, mediaType: descriptor.mediaType },
    { ...options, sparse: true },
  )
  if (isIndexType(descriptor.mediaType) && children.length === 0 && parseIndex(bytes).manifests.length > 0) {
    throw new ImageError('PLATFORM_UNKNOWN', `Cannot save ${descriptor.digest}: none of its platforms is here`)
  }
  const below: Descriptor[] = []
  for (const child of children) below.push(...(await gather(child, blobs, options)))
  return isIndexType(descriptor.mediaType) ? below : [descriptor]
}

function named({ reference, name, descriptor }: ArchivedImage): Descriptor {
  const { mediaType, digest, size, artifactType } = descriptor
  const short = name ?? (reference === undefined ? undefined : parseReference(reference).tag)
  const annotations = {
    ...(reference === undefined ? {} : { [imageNameAnnotation]: reference }),
    ...(short === undefined ? {} : { [refNameAnnotation]: short }),
  }
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  }
}

// Docker takes only names with a tag here.
function shortNames(reference: string | undefined): readonly string[] {
  if (reference === undefined) return []
  const { registry, repository, tag } = parseReference(reference)
  return tag === undefined ? [] : [familiarReference({ registry, repository, tag })]
}

function blobPath(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`
}

const common = { uid: 0, gid: 0, size: 0, mtime: 0 } as const

function* blobEntries(blobs: readonly Descriptor[], { source, signal }: SaveOptions): Generator<TarInput> {
  const algorithms = [...new Set(blobs.map(({ digest }) => digestAlgorithm(digest)))].toSorted()
  for (const path of ['blobs', ...algorithms.map((algorithm) => `blobs/${algorithm}`)]) {
    yield { header: { ...common, path, type: 'directory', mode: 0o755 } }
  }
  for (const descriptor of blobs.toSorted((a, b) => (a.digest < b.digest ? -1 : 1))) {
    const { digest, size } = descriptor
    const body = async function* (): AsyncGenerator<Uint8Array> {
      await using reader = await source.open(descriptor, signal === undefined ? {} : { signal })
      yield* reader
    }
    yield { header: { ...common, path: blobPath(digest), type: 'file', mode: 0o444, size }, body: body() }
  }
}

function documentEntry(path: string, bytes: Uint8Array): TarInput {
  return { header: { ...common, path, type: 'file', mode: 0o644, size: bytes.length }, body: [bytes] }
}
