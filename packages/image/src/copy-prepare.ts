import type { Descriptor, LayerCompression, Platform } from '@gantry/oci'
import type { BlobIngester, BlobSource } from './blob.ts'
import type { Codec } from './codec.ts'
import { convertImage, type ConvertOptions, type ImageFormat } from './copy-convert.ts'
import { selectPlatforms, withoutAbsent } from './copy-platforms.ts'
import { findAttached, type Attached, type AttachedSource } from './copy-referrers.ts'
import { ImageError } from './errors.ts'

/** What of an image is to be copied, and as what. */
export interface PrepareCopyOptions {
  readonly codec: Codec
  /** Only these; see `selectPlatforms`. All when empty or absent. */
  readonly platforms?: readonly Platform[]
  readonly format?: ImageFormat
  readonly compression?: LayerCompression
  /** Takes layers that are packed anew; asked for only when there are some to be. */
  readonly spool?: () => Promise<BlobSource & BlobIngester>
  /** Fail rather than give the content another digest. */
  readonly preserveDigests?: boolean
  /** What refers to the image goes along; see `findAttached`. */
  readonly referrers?: boolean
  /**
   * What of manifests in an index that the source does not have: they are an error (the default), stay in the index and are
   * not copied, or are taken out of it.
   */
  readonly absent?: 'refuse' | 'keep' | 'drop'
  /** Compress only layers that are not compressed at all. */
  readonly onlyUncompressed?: boolean
  /** What layers became when they were packed before. */
  readonly packed?: NonNullable<ConvertOptions['packed']>
  readonly signal?: AbortSignal
}

/** A copy that is ready to be made. */
export interface PreparedCopy {
  /** Has everything that is to be copied. */
  readonly source: BlobSource
  /** What is to be copied: the descriptor given wherever its content stays what it is. */
  readonly descriptor: Descriptor
  readonly attached: readonly Attached[]
}

/**
 * Prepares a copy: takes out what is not wanted, converts what is to be another form, finds what goes along. Nothing is
 * written anywhere but in the spool.
 *
 * @throws {ImageError} DIGEST_CHANGED: with `preserveDigests`, and for referrers: they would refer to what is not there
 */
export async function prepareCopy(
  from: AttachedSource & { readonly descriptor: Descriptor },
  options: PrepareCopyOptions,
): Promise<PreparedCopy> {
  const { platforms = [], format, compression, referrers = false, preserveDigests = false } = options
  const whole = { source: from.blobs, descriptor: from.descriptor }
  const chosen = await selectPlatforms(whole, platforms, options)
  if (chosen.descriptor.digest !== from.descriptor.digest && preserveDigests) {
    refuse(from.descriptor, 'only some of its platforms are asked for')
  }
  const selected = options.absent === 'drop' ? await withoutAbsent(chosen, options) : chosen
  if (selected.descriptor.digest !== chosen.descriptor.digest && preserveDigests) {
    refuse(from.descriptor, 'the source has only some of its platforms')
  }
  const converted =
    format === undefined && compression === undefined
      ? selected
      : await convertImage(selected, { ...options, spool: lazySpool(options), sparse: options.absent === 'keep' })
  const isConverted = converted.descriptor.digest !== selected.descriptor.digest
  if (isConverted && preserveDigests) refuse(from.descriptor, 'it would be converted')
  if (isConverted && referrers) {
    refuse(from.descriptor, 'signatures and other referrers are of what it is before it is converted')
  }
  const attached = referrers ? await findAttached(from, converted.descriptor, options) : []
  return { ...converted, attached }
}

function refuse({ digest }: Descriptor, why: string): never {
  throw new ImageError('DIGEST_CHANGED', `Cannot copy ${digest} under its digest: ${why}`)
}

/** Opens the spool when the first layer comes. */
function lazySpool({ spool }: PrepareCopyOptions): BlobSource & BlobIngester {
  let opened: Promise<BlobSource & BlobIngester> | undefined
  const open = (): Promise<BlobSource & BlobIngester> => {
    if (spool === undefined) throw new TypeError('Cannot convert layers: there is no spool for them')
    return (opened ??= spool())
  }
  return {
    open: async (descriptor, options) => (await open()).open(descriptor, options),
    ingest: async (body, options) => (await open()).ingest(body, options),
  }
}
