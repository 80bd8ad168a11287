import { createHash } from 'node:crypto'
import { describeBytes, readDocument, readerOf } from '@gantry/image'
import {
  encodeJson,
  formatReference,
  MediaType,
  parseManifest,
  parseReference,
  type ContainerConfig,
  type Descriptor,
  type Digest,
  type HistoryEntry,
} from '@gantry/oci'
import type { BasePorts } from './base-ports.ts'
import type { ArchitectureNames } from './debian-architecture.ts'

/** A layer that Gantry has made: its tar lies in the store as it is, so its digest is its diff ID. */
export type BaseLayer = Descriptor

/** What a base image consists of. */
export interface BaseImage {
  readonly architecture: ArchitectureNames
  /** Seconds since 1970: when the newest package in it was made. */
  readonly created: number
  readonly config: ContainerConfig
  readonly layers: readonly BaseLayer[]
  readonly history: readonly HistoryEntry[]
  /** What it was made from: equal keys make equal images. */
  readonly key: string
  readonly annotations: Readonly<Record<string, string>>
}

/** The annotation that bears the key. */
export const keyAnnotation = 'io.gantry.base.key'

/** Hashes what an image is made from. */
export function imageKey(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/** The time of an image as its config and history print it. */
export function printTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

/** The image of this name, if it was made from what the key stands for and is all there. */
export async function findImage(ports: BasePorts, reference: string, key: string): Promise<FoundImage | undefined> {
  const descriptor = await ports.store.resolve(formatReference(parseReference(reference)))
  if (descriptor?.mediaType !== MediaType.imageManifest) return undefined
  const manifest = parseManifest(await readDocument(ports.store, descriptor))
  if (manifest.annotations?.[keyAnnotation] !== key) return undefined
  for (const blob of [manifest.config, ...manifest.layers]) {
    if (ports.store.has !== undefined && !(await ports.store.has(blob))) return undefined
  }
  return { descriptor, imageId: manifest.config.digest, layers: manifest.layers }
}

/** An image that is in the store. */
export interface FoundImage {
  readonly descriptor: Descriptor
  /** The digest of its config. */
  readonly imageId: Digest
  readonly layers: readonly Descriptor[]
}

/** Writes an image's config and manifest and names it; the name appears last, when all of it is there. */
export async function publishImage(
  ports: BasePorts,
  image: BaseImage,
  options: { readonly reference: string; readonly signal?: AbortSignal },
): Promise<FoundImage> {
  const written = await writeBaseImage(ports, image, options)
  await ports.store.tag(formatReference(parseReference(options.reference)), written.descriptor)
  return written
}

/** Writes an image's config and manifest, without a name. */
export async function writeBaseImage(
  ports: Pick<BasePorts, 'store' | 'codec'>,
  image: BaseImage,
  options: { readonly signal?: AbortSignal } = {},
): Promise<FoundImage> {
  const { architecture } = image
  const config = await putBytes(
    ports,
    encodeJson({
      created: printTime(image.created),
      architecture: architecture.oci,
      ...(architecture.variant === undefined ? {} : { variant: architecture.variant }),
      os: 'linux',
      config: image.config,
      rootfs: { type: 'layers', diff_ids: image.layers.map(({ digest }) => digest) },
      history: image.history,
    }),
    { mediaType: MediaType.imageConfig, ...options },
  )
  const manifest = await putBytes(
    ports,
    encodeJson({
      schemaVersion: 2,
      mediaType: MediaType.imageManifest,
      config,
      layers: image.layers,
      annotations: { ...image.annotations, [keyAnnotation]: image.key },
    }),
    { mediaType: MediaType.imageManifest, ...options },
  )
  return { descriptor: manifest, imageId: config.digest, layers: image.layers }
}

async function putBytes(
  ports: Pick<BasePorts, 'store' | 'codec'>,
  bytes: Uint8Array,
  options: { readonly mediaType: string; readonly signal?: AbortSignal },
): Promise<Descriptor> {
  const descriptor = await describeBytes(bytes, options.mediaType, ports.codec)
  await ports.store.put(descriptor, readerOf(bytes), options.signal === undefined ? {} : { signal: options.signal })
  return descriptor
}
