import type { Descriptor, Digest, ImageConfig, Index, Manifest, Platform } from '@gantry/oci'
import type { BlobReader, BlobSource } from './blob.ts'

/** How a layer is opened. */
export interface LayerOptions {
  readonly signal?: AbortSignal
}

/** One layer of an image. */
export interface Layer {
  readonly descriptor: Descriptor
  /** The digest of the uncompressed tar. */
  readonly diffId: Digest
  /** The blob as it is stored, perhaps compressed. */
  open(options?: LayerOptions): Promise<BlobReader>
  /** The uncompressed tar. The stream fails with DIGEST_MISMATCH at its end when it is not the diff ID's. */
  openTar(options?: LayerOptions): Promise<AsyncIterable<Uint8Array>>
}

/** An image, an immutable view of blobs: what an image manifest leads to. */
export interface Image {
  /** Of the manifest. */
  readonly descriptor: Descriptor
  /** Of the configuration; its digest is the image's ID. */
  readonly configDescriptor: Descriptor
  /** Opens every blob of the image, its documents too: `copy(image.source, sink, image.descriptor)` moves it. */
  readonly source: BlobSource
  manifest(): Promise<Manifest>
  config(): Promise<ImageConfig>
  /** Lowest first. */
  layers(): Promise<readonly Layer[]>
}

/** An index, an immutable view of several images. */
export interface ImageIndex {
  readonly descriptor: Descriptor
  readonly source: BlobSource
  index(): Promise<Index>
  /**
   * The image for a platform.
   *
   * @throws {ImageError} PLATFORM_UNKNOWN, with the platforms there are
   */
  image(platform: Platform): Promise<Image>
}
