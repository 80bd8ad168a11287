import { abortable } from '../abortable.ts'
import type { BlobSink } from '../blob.ts'
import type { Codec } from '../codec.ts'
import { copy, type CopyProgress } from '../copy.ts'
import { archiveFailure } from './archive-failure.ts'
import { listImages } from './list-images.ts'
import type { ArchivedImage } from './save.ts'
import { plainArchive } from './plain-archive.ts'
import type { ArchiveFiles } from './archive-files.ts'
import { spoolArchive, type BlobSpool } from './spooled.ts'

/** How an archive is loaded. */
export interface LoadOptions {
  /** Takes the archive's files as they come; blobs of images that turn out to be broken stay in it. */
  readonly spool: BlobSpool
  /** Gets the images; the spool itself when absent. */
  readonly sink?: BlobSink
  readonly codec: Codec
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: CopyProgress) => void
}

/**
 * Loads the images of an archive: an OCI image layout (Docker 25 and later, skopeo, BuildKit, Gantry) or an older archive
 * of `docker save`, plain or compressed with gzip or zstd. Answers every name with its image, and images without a name;
 * naming them is the caller's. Content is verified; nothing larger than a manifest is held in memory.
 *
 * @throws {ImageError} ARCHIVE_INVALID (also for documents in it that cannot be read), DIGEST_MISMATCH, SIZE_MISMATCH, and
 *   those of `copy`
 */
export async function loadArchive(
  body: AsyncIterable<Uint8Array>,
  options: LoadOptions,
): Promise<readonly ArchivedImage[]> {
  try {
    return await load(body, options)
  } catch (error) {
    throw archiveFailure(error)
  }
}

async function load(body: AsyncIterable<Uint8Array>, options: LoadOptions): Promise<readonly ArchivedImage[]> {
  const { spool, sink = spool, codec, signal, onProgress } = options
  const archive = await readArchive(body, options)
  const entries = await listImages(archive, { blobs: spool, codec, ...(signal === undefined ? {} : { signal }) })
  const images = entries.map(({ reference, descriptor: { mediaType, digest, size } }) => ({
    ...(reference === undefined ? {} : { reference }),
    descriptor: { mediaType, digest, size },
  }))
  for (const { descriptor } of images) {
    await copy(spool, sink, descriptor, {
      sparse: true,
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    })
  }
  return images
}

async function readArchive(
  archive: AsyncIterable<Uint8Array>,
  { spool, codec, signal }: LoadOptions,
): Promise<ArchiveFiles> {
  const { body } = await plainArchive(abortable(archive, signal), codec)
  return spoolArchive(body, spool, signal)
}
