import {
  formatPlatform,
  isConfigType,
  isIndexType,
  isLayerType,
  isManifestType,
  isNondistributableType,
  matchesPlatform,
  MediaType,
  parseImageConfig,
  parseManifestOrIndex,
  type Descriptor,
  type Digest,
  type ImageConfig,
  type Index,
  type Manifest,
} from '@gantry/oci'
import { readTar } from '@gantry/tar'
import type { BlobSource } from '../blob.ts'
import type { Codec } from '../codec.ts'
import { createLimiter } from '../limiter.ts'
import { deepestIndex, viewLayer } from '../open-image.ts'
import { readDocument } from '../read-document.ts'
import { verified } from '../verified.ts'
import { FileView } from './file-view.ts'

const layersAtOnce = 4

/** How content is validated. */
export interface ValidateContentOptions {
  readonly codec: Codec
  /**
   * `full` reads every layer: digest, size, diff ID, the tar and the paths in it. `fast` reads documents only, and asks of layers
   * whether they are there. `full` by default.
   */
  readonly depth?: 'fast' | 'full'
  /** Manifests of an index that are not there are no problem. False by default. */
  readonly sparse?: boolean
  readonly signal?: AbortSignal
  /** Called when a document or layer has been looked at. */
  readonly onChecked?: (descriptor: Descriptor) => void
}

/** Something that is wrong with content. */
export interface ContentProblem {
  /** What it is about. */
  readonly digest: Digest
  /** The code of the error behind it, such as `DIGEST_MISMATCH`, `BLOB_UNKNOWN`, `LAYER_INVALID` or `PLATFORM_MISMATCH`. */
  readonly code: string
  /** What was tried, what came and what was expected. */
  readonly message: string
}

/**
 * Reads what a descriptor leads to (an index with its manifests, an image, an artifact) and answers everything that is wrong with
 * it: blobs that are missing or not their descriptors', documents that cannot be read or contradict each other, media types that
 * do not belong there, diff IDs, histories, platforms, damaged tars and paths that leave the root. Nothing wrong is an empty list.
 * Rejects only with the signal's reason.
 */
export async function validateContent(
  source: BlobSource,
  descriptor: Descriptor,
  options: ValidateContentOptions,
): Promise<readonly ContentProblem[]> {
  const checking: Checking = { source, options, problems: [], seen: new Set() }
  await checkDocument(checking, descriptor, 0)
  return checking.problems
}

interface Checking {
  readonly source: BlobSource
  readonly options: ValidateContentOptions
  readonly problems: ContentProblem[]
  readonly seen: Set<string>
}

async function attempt<T>(checking: Checking, digest: Digest, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    checking.options.signal?.throwIfAborted()
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
    const message = error instanceof Error ? error.message : String(error)
    tell(checking, digest, typeof code === 'string' ? code : 'UNREADABLE', message)
    return undefined
  }
}

function tell({ problems }: Checking, digest: Digest, code: string, message: string): void {
  problems.push({ digest, code, message })
}

async function checkDocument(checking: Checking, descriptor: Descriptor, depth: number): Promise<void> {
  const { options, seen } = checking
  const { digest, mediaType } = descriptor
  if (seen.has(digest)) return
  seen.add(digest)
  if (depth >= deepestIndex) {
    return tell(checking, digest, 'MANIFEST_INVALID', `The index ${digest} is nested deeper than ${deepestIndex}`)
  }
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) {
    return tell(checking, digest, 'MANIFEST_INVALID', `${digest} is no manifest: its media type is "${mediaType}"`)
  }
  await attempt(checking, digest, async () => {
    const bytes = await readVerified(checking, descriptor)
    const content = parseManifestOrIndex(bytes, mediaType)
    options.onChecked?.(descriptor)
    if (content.kind === 'index') return checkIndex(checking, content.index, depth)
    return checkManifest(checking, descriptor, content.manifest)
  })
}

async function readVerified({ source, options }: Checking, descriptor: Descriptor): Promise<Uint8Array> {
  const bytes = await readDocument(source, descriptor, options)
  for await (const chunk of verified(single(bytes), descriptor, options.codec)) void chunk
  return bytes
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function checkIndex(checking: Checking, { manifests }: Index, depth: number): Promise<void> {
  for (const child of manifests) {
    if (checking.options.sparse === true && !(await isThere(checking, child))) continue
    if (!isManifestType(child.mediaType) && !isIndexType(child.mediaType)) {
      await attempt(checking, child.digest, () => checkBlob(checking, child))
    } else await checkDocument(checking, child, depth + 1)
  }
}

async function isThere({ source, options }: Checking, descriptor: Descriptor): Promise<boolean> {
  try {
    await using reader = await source.open(descriptor, options.signal === undefined ? {} : { signal: options.signal })
    return reader.size >= 0
  } catch (error) {
    options.signal?.throwIfAborted()
    return !(error instanceof Error && Reflect.get(error, 'code') === 'BLOB_UNKNOWN')
  }
}

async function checkManifest(checking: Checking, descriptor: Descriptor, manifest: Manifest): Promise<void> {
  const { config, layers } = manifest
  if (!isConfigType(config.mediaType)) {
    // An artifact: what its blobs are is its own matter.
    if (config.mediaType === MediaType.emptyJson && manifest.artifactType === undefined) {
      tell(
        checking,
        descriptor.digest,
        'MANIFEST_INVALID',
        `${descriptor.digest} has the empty config but no artifactType`,
      )
    }
    for (const blob of [config, ...layers]) await attempt(checking, blob.digest, () => checkBlob(checking, blob))
    return
  }
  const parsed = await attempt(checking, config.digest, async () => {
    const document = parseImageConfig(await readVerified(checking, config))
    checking.options.onChecked?.(config)
    return document
  })
  if (parsed !== undefined) checkAgreement(checking, descriptor, { manifest, config: parsed })
  const limiter = createLimiter(layersAtOnce)
  const found = await Promise.all(
    layers.map((layer, at) =>
      limiter(async () => {
        const own = { ...checking, problems: [] }
        await checkLayer(own, layer, parsed?.rootfs.diff_ids[at])
        return own.problems
      }),
    ),
  )
  checking.problems.push(...found.flat())
}

/** What manifest and config have to agree on. */
function checkAgreement(
  checking: Checking,
  { platform }: Descriptor,
  { manifest, config }: { readonly manifest: Manifest; readonly config: ImageConfig },
): void {
  const { digest } = manifest.config
  const layers = manifest.layers.length
  const diffIds = config.rootfs.diff_ids.length
  if (layers !== diffIds) {
    tell(
      checking,
      digest,
      'LAYER_INVALID',
      `The manifest has ${layers} layers, the config ${digest} ${diffIds} diff IDs`,
    )
  }
  const steps = config.history?.filter((entry) => entry.empty_layer !== true).length ?? 0
  if (steps !== 0 && steps !== layers) {
    tell(
      checking,
      digest,
      'LAYER_INVALID',
      `The history of ${digest} tells of ${steps} layers, the manifest of ${layers}`,
    )
  }
  if (platform !== undefined && !(matchesPlatform(platform, config) || matchesPlatform(config, platform))) {
    const said = `The index says ${formatPlatform(platform)}, the config ${digest} ${formatPlatform(config)}`
    tell(checking, digest, 'PLATFORM_MISMATCH', said)
  }
}

async function checkLayer(checking: Checking, layer: Descriptor, diffId: Digest | undefined): Promise<void> {
  const { digest, mediaType } = layer
  if (!isLayerType(mediaType)) {
    tell(
      checking,
      digest,
      'LAYER_INVALID',
      `The layer ${digest} has the media type "${mediaType}", which is none of a layer`,
    )
  }
  // It stays where its URLs are.
  if (isNondistributableType(mediaType) && layer.urls !== undefined && !(await isThere(checking, layer))) return
  await attempt(checking, digest, async () => {
    await checkBlob(checking, layer)
    if (checking.options.depth === 'fast' || diffId === undefined || !isLayerType(mediaType)) return
    const { codec, signal } = checking.options
    const tar = await viewLayer(checking.source, { descriptor: layer, diffId }, codec).openTar(
      signal === undefined ? {} : { signal },
    )
    const view = new FileView()
    view.nextLayer()
    for await (const { header } of readTar(tar)) if (header.type !== 'hardlink') view.apply(header)
  })
}

/** Reads a blob as a whole; for `fast`, only opens it. */
async function checkBlob(checking: Checking, descriptor: Descriptor): Promise<void> {
  const { source, options, seen } = checking
  if (seen.has(`blob ${descriptor.digest}`)) return
  seen.add(`blob ${descriptor.digest}`)
  const signal = options.signal === undefined ? {} : { signal: options.signal }
  await using reader = await source.open(descriptor, signal)
  if (options.depth === 'fast') {
    if (reader.size !== descriptor.size) {
      const said = `${descriptor.digest} has ${reader.size} bytes, its descriptor says ${descriptor.size}`
      tell(checking, descriptor.digest, 'SIZE_MISMATCH', said)
    }
  } else for await (const chunk of verified(reader, descriptor, options.codec)) void chunk
  options.onChecked?.(descriptor)
}
