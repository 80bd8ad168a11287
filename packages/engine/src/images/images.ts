import type { BlobSink, BlobSource, Codec, TagResolver, TagWriter } from '@gantry/image'
import type { Platform, Reference } from '@gantry/oci'
import type { Snapshots } from '@gantry/snapshot'
import type { State } from '@gantry/state'
import type { Store } from '@gantry/store'
import { commitImage } from './commit-image.ts'
import { contentUsage, type ContentUsage } from './content-usage.ts'
import { ImageCatalog } from './image-catalog.ts'
import type { ImageDetails, ImageRemoval, TransferEvent } from './image-details.ts'
import type { ImageLookup } from './image-lookup.ts'
import { openForContainer } from './open-for-container.ts'
import { pruneImages, type PrunedImages, type PruneImagesOptions } from './prune-images.ts'
import { pull } from './pull.ts'
import { push } from './push.ts'
import { removeImage, type RemoveImageOptions } from './remove-image.ts'
import { loadImages, saveImages } from './archives.ts'
import { dropUnpacked, type DropUnpackedOptions } from './stored-twice.ts'
import { tagImage } from './tag-image.ts'

/** Who somebody is to a registry. */
export interface RegistryCredentials {
  readonly username?: string
  readonly password?: string
  readonly identityToken?: string
  readonly registryToken?: string
}

/** A repository of a registry. */
export interface RemoteRepository extends BlobSource, BlobSink, TagResolver, TagWriter {
  /** The identity of the content store that the registry serves from, where it says so: one that is our own needs no bytes. */
  storeId?(options: { signal: AbortSignal }): Promise<string | undefined>
}

/** What the images of a root are made of. */
export interface ImageParts {
  readonly store: Store
  readonly state: State
  readonly snapshots: Pick<Snapshots, 'unpack' | 'chainOf' | 'has' | 'gc' | 'list'>
  readonly codec: Codec
  /** What an index is chosen from where nobody says. */
  readonly platform: Platform
  /** Opens a repository; called when something is pulled or pushed, and may load what it needs then. */
  readonly remote: (
    reference: Reference,
    credentials: RegistryCredentials | undefined,
    /** Told what people want to know on the way. */
    onNotice?: (text: string) => void,
  ) => Promise<RemoteRepository>
}

/** How an image is pulled or pushed. */
export interface TransferOptions {
  readonly credentials?: RegistryCredentials
  readonly signal?: AbortSignal
}

/** How an image is pulled. */
export interface PullOptions extends TransferOptions {
  /** Default: the host's. */
  readonly platform?: string
  /** Takes an image that is no index whatever it is for. Default: one for another platform than was asked for is refused. */
  readonly anyPlatform?: boolean
}

/** The images of a root: in the daemon, and in a command that works in-process. */
export interface Images extends ImageLookup {
  /** @throws EngineError IMAGE_UNKNOWN, IMAGE_AMBIGUOUS */
  find(reference: string): Promise<ImageDetails>
  /** The newest first. */
  list(): Promise<readonly ImageDetails[]>
  /** Gives an image a further name. @throws EngineError IMAGE_UNKNOWN; OciError REFERENCE_INVALID */
  tag(source: string, target: string): Promise<void>
  /** Takes names away, and with the last one the content that nothing else needs. @throws EngineError IMAGE_UNKNOWN, IMAGE_IN_USE */
  remove(reference: string, options?: RemoveImageOptions): Promise<readonly ImageRemoval[]>
  /** Fetches an image, unpacks it and names it. Who stops reading stops it. @throws EngineError PULL_FAILED, IMAGE_UNKNOWN */
  pull(reference: string, options?: PullOptions): AsyncIterable<TransferEvent>
  /** Sends an image to its registry; layers that are stored uncompressed go compressed. @throws EngineError PUSH_FAILED, IMAGE_UNKNOWN */
  push(reference: string, options?: TransferOptions): AsyncIterable<TransferEvent>
  /** Takes a docker or OCI archive in. @throws EngineError IMAGE_INVALID */
  load(archive: AsyncIterable<Uint8Array>, options?: { signal?: AbortSignal }): AsyncIterable<TransferEvent>
  /** Removes what nobody uses. */
  prune(options?: PruneImagesOptions): Promise<PrunedImages>
  /** Removes the unpacked copies of layers whose blobs are here and that no container stands on. */
  dropUnpacked(options?: DropUnpackedOptions): ReturnType<typeof dropUnpacked>
  /** What images and other content take on the disk. */
  usage(options?: { signal?: AbortSignal }): Promise<ContentUsage>
  /** Writes a docker archive. @throws EngineError IMAGE_UNKNOWN */
  save(references: readonly string[], options?: { signal?: AbortSignal }): AsyncIterable<Uint8Array>
}

/** Opens the images of a root. Nothing is read yet. */
export function createImages(parts: ImageParts): Images {
  const catalog = new ImageCatalog(parts)
  const world = { ...parts, catalog }
  return {
    open: (reference, options) => openForContainer(world, reference, options),
    commit: (request) => commitImage(world, request),
    hold: (owner, manifest) => parts.store.pin(owner, manifest),
    letGo: (owner) => parts.store.unpin(owner),
    find: async (reference) => (await catalog.find(reference)).image,
    list: () => catalog.list(),
    tag: (source, target) => tagImage(world, source, target),
    remove: (reference, options) => removeImage(world, reference, options),
    pull: (reference, options) => pull(world, reference, options),
    push: (reference, options) => push(world, reference, options),
    load: (archive, options) => loadImages(world, archive, options),
    save: (references, options) => saveImages(world, references, options),
    prune: (options) => pruneImages(world, options),
    dropUnpacked: (options) => dropUnpacked(world, options),
    usage: ({ signal } = {}) => contentUsage(world, signal),
  }
}

/** What the verbs of images work with. */
export interface ImageWorld extends ImageParts {
  readonly catalog: ImageCatalog
}
