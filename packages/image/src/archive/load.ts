import { formatReference, OciError, parseIndex, parseLayoutFile, parseReference, refNameAnnotation } from '@gantry/oci'
import { TarError } from '@gantry/tar'
import { abortable } from '../abortable.ts'
import type { BlobSink } from '../blob.ts'
import type { Codec } from '../codec.ts'
import { copy, type CopyProgress } from '../copy.ts'
import { ImageError } from '../errors.ts'
import { takeDockerImages } from './load-docker.ts'
import { imageNameAnnotation } from './layout-names.ts'
import type { ArchivedImage } from './save.ts'
import { peek, sniff, sniffBytes } from './sniff.ts'
import { spoolArchive, type BlobSpool, type SpooledArchive } from './spooled.ts'

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
  const archive = await readArchive(body, spool, codec, signal)
  const images = layoutImages(archive) ?? (await dockerImages(archive, options))
  if (images.length === 0) throw new ImageError('ARCHIVE_INVALID', 'Cannot load the archive: it holds no image')
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
  body: AsyncIterable<Uint8Array>,
  spool: BlobSpool,
  codec: Codec,
  signal: AbortSignal | undefined,
): Promise<SpooledArchive> {
  const { head, body: whole } = await peek(abortable(body, signal), sniffBytes)
  const compression = sniff(head)
  if (compression === 'xz' || compression === 'bzip2') {
    throw new ImageError(
      'ARCHIVE_INVALID',
      `Cannot load the archive: it is compressed with ${compression}; unpack it first`,
    )
  }
  return spoolArchive(compression === 'none' ? whole : codec.decompress(compression, whole), spool, signal)
}

/** Says of what is wrong with the archive that it is the archive's; other failures stay as they are. */
function archiveFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error.message.startsWith('Cannot load ')) return error
  // A codec's error of damaged bytes: codecs are given, so its class is not known here.
  const isDamage = 'code' in error && (error.code === 'STREAM_DAMAGED' || error.code === 'STREAM_TOO_LARGE')
  if (!isDamage && !(error instanceof ImageError || error instanceof TarError || error instanceof OciError))
    return error
  const code = error instanceof ImageError ? error.code : 'ARCHIVE_INVALID'
  const side = error instanceof ImageError && error.side !== undefined ? { side: error.side } : {}
  return new ImageError(code, `Cannot load the archive: ${error.message}`, { cause: error, ...side })
}

function layoutImages({ documents }: SpooledArchive): readonly ArchivedImage[] | undefined {
  const index = documents.get('index.json')
  if (index === undefined) return undefined
  const layout = documents.get('oci-layout')
  if (layout !== undefined) parseLayoutFile(layout)
  const { manifests } = parseIndex(index)
  if (manifests.length === 0 && documents.has('manifest.json')) return undefined
  return manifests.map(({ mediaType, digest, size, annotations = {} }) => {
    const reference = nameOf(annotations)
    return { ...(reference === undefined ? {} : { reference }), descriptor: { mediaType, digest, size } }
  })
}

// A layout's own name is often only a tag, which says nothing about the repository.
function nameOf(annotations: Readonly<Record<string, string>>): string | undefined {
  const short = annotations[refNameAnnotation]
  const name = annotations[imageNameAnnotation] ?? (short !== undefined && /[/:]/.test(short) ? short : undefined)
  return name === undefined ? undefined : formatReference(parseReference(name))
}

async function dockerImages(archive: SpooledArchive, options: LoadOptions): Promise<readonly ArchivedImage[]> {
  const manifest = archive.documents.get('manifest.json')
  if (manifest !== undefined) return takeDockerImages(archive, manifest, options)
  throw new ImageError(
    'ARCHIVE_INVALID',
    'Cannot load the archive: it has neither the index.json of an OCI image layout nor the manifest.json of "docker save"',
  )
}
