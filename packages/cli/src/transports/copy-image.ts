import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareCopy, type CopyProgress, type ImageFormat, type PreparedCopy } from '@gantry/image'
import {
  isIndexType,
  layerCompression,
  parseReference,
  type Descriptor,
  type LayerCompression,
  type Platform,
} from '@gantry/oci'
import { openLayout } from '@gantry/store'
import type { Context } from '../context.ts'
import type { ImageSink } from './image-sink.ts'
import type { ImageSource } from './image-source.ts'
import { clientOf, codecOf, contentOf, platformOfHost } from './transport-parts.ts'

/** How an image is copied; see `gantry copy --help`. */
export interface CopyImageOptions {
  /** All platforms, also where one is the default. */
  readonly all?: boolean
  readonly platforms?: readonly Platform[]
  readonly format?: ImageFormat
  /** `keep` leaves layers as they are, also those that the store keeps uncompressed. */
  readonly compression?: LayerCompression | 'keep'
  readonly preserveDigests?: boolean
  readonly referrers?: boolean
  readonly concurrency?: number
  readonly onProgress?: (progress: CopyProgress) => void
}

/**
 * Copies an image from one place to another: the content that the source meant when it was opened, whatever its name means by
 * now. Answers what it is called at the other end and how many referrers and tags went along.
 */
export async function copyImage(
  context: Context,
  { source, sink }: { readonly source: ImageSource; readonly sink: ImageSink },
  options: CopyImageOptions = {},
): Promise<{ readonly descriptor: Descriptor; readonly attached: number }> {
  const prepared = await prepare(context, { source, sink }, options)
  const { concurrency, onProgress } = options
  await sink.write(prepared, {
    sparse: source.transport.kind !== 'registry',
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(onProgress === undefined ? {} : { onProgress }),
  })
  return { descriptor: prepared.descriptor, attached: prepared.attached.length }
}

async function prepare(
  context: Context,
  { source, sink }: { readonly source: ImageSource; readonly sink: ImageSink },
  options: CopyImageOptions,
): Promise<PreparedCopy> {
  const { compression, format, preserveDigests = false } = options
  const isOneOnly = sink.transport.kind === 'docker-archive' && isIndexType(source.descriptor.mediaType)
  const platforms = options.platforms ?? []
  const pushes = compression === undefined && !preserveDigests && (await isPush(context, { source, sink }))
  const packed = pushes ? await packedLayers(context) : undefined
  const wanted = pushes ? 'gzip' : compression === 'keep' ? undefined : compression
  return prepareCopy(source, {
    codec: codecOf(context),
    platforms: isOneOnly && platforms.length === 0 && options.all !== true ? [platformOfHost()] : platforms,
    absent: source.transport.kind === 'registry' ? 'refuse' : sink.transport.kind === 'registry' ? 'drop' : 'keep',
    onlyUncompressed: pushes,
    preserveDigests,
    referrers: options.referrers ?? false,
    signal: context.signal,
    spool: pushes ? async () => (await contentOf(context)).store : () => temporarySpool(context),
    ...(wanted === undefined ? {} : { compression: wanted }),
    ...(format === undefined ? {} : { format }),
    ...(packed === undefined ? {} : { packed }),
  })
}

/** From the store to a registry that does not serve this very store: layers that lie uncompressed go compressed, as in a push. */
async function isPush(
  context: Context,
  { source, sink }: { readonly source: ImageSource; readonly sink: ImageSink },
): Promise<boolean> {
  if (source.transport.kind !== 'store' || sink.transport.kind !== 'registry') return false
  const { store } = await contentOf(context)
  const { registry } = parseReference(sink.transport.name)
  return (await clientOf(context).storeOf(registry, { signal: context.signal })) !== store.id
}

async function packedLayers(context: Context): Promise<NonNullable<Parameters<typeof prepareCopy>[1]['packed']>> {
  const { store } = await contentOf(context)
  return {
    find: async (diffId, compression) => {
      const known = compression === 'none' ? undefined : store.compressedOf(diffId, compression)
      return known !== undefined && (await store.has(known)) ? known : undefined
    },
    remember: (diffId, descriptor) => {
      if (layerCompression(descriptor.mediaType) !== 'none') store.rememberCompressed(diffId, descriptor)
    },
  }
}

/** For layers that are packed anew between two places that are not ours. */
async function temporarySpool(context: Context): ReturnType<typeof openLayout> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-copy-'))
  context.defer(() => rm(directory, { recursive: true, force: true }))
  return openLayout(directory, { codec: codecOf(context), create: true })
}
