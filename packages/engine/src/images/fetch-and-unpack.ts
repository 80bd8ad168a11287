import { copy, openImage, overlaySource, readDocument, readerOf } from '@gantry/image'
import type { BlobSink, BlobSource, CopyProgress, Image } from '@gantry/image'
import type { Descriptor, Digest, Platform } from '@gantry/oci'
import type { UnpackProgress } from '@gantry/snapshot'
import { Arrivals } from './arrivals.ts'
import type { ImageWorld, RemoteRepository } from './images.ts'

/** What is fetched, and who is told. */
export interface FetchOptions {
  readonly platform: Platform
  readonly signal: AbortSignal
  /** Throws when the image is not what was asked for; called before its layers are fetched. */
  readonly check: (image: Image) => Promise<void>
  readonly onBlob: (event: CopyProgress) => void
  /** Told with the layer's blob. */
  readonly onUnpack: (event: UnpackProgress, layer: Digest) => void
}

/**
 * Brings an image into the store and unpacks it: large layers as they come, others as soon as they are there. A layer counts when its
 * blob is verified. The documents are read first, each once. When either fails the other is stopped, and has ended before this rejects.
 */
export async function fetchAndUnpack(
  { store, codec, snapshots }: Pick<ImageWorld, 'store' | 'codec' | 'snapshots'>,
  remote: RemoteRepository,
  root: Descriptor,
  options: FetchOptions,
): Promise<Image> {
  const { platform } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const documents = new Map<Digest, Uint8Array>()
  const read = async (descriptor: Descriptor): Promise<Uint8Array> => {
    const bytes =
      documents.get(descriptor.digest) ??
      (await readDocument(store.size(descriptor.digest) === descriptor.size ? store : remote, descriptor, { signal }))
    documents.set(descriptor.digest, bytes)
    return bytes
  }
  const reading: BlobSource = { open: async (descriptor) => readerOf(await read(descriptor)) }
  const there = await openImage(reading, root, { codec, platform, signal })
  await there.config()
  await options.check(there)

  const arrivals = new Arrivals(signal)
  const followed: BlobSink = {
    ...store,
    async partial(descriptor, partialOptions) {
      const partial = await store.partial(descriptor, partialOptions)
      arrivals.begins(descriptor.digest, partial?.growing)
      return partial
    },
  }
  const copying = copy(withDocuments(remote, documents), followed, root, {
    signal,
    platform,
    onProgress(event) {
      options.onBlob(event)
      if (event.state === 'exists' || event.state === 'mounted' || event.state === 'done') {
        arrivals.came(event.descriptor.digest)
      }
    },
  }).then(() => arrivals.end())
  const unpacking = (async () => {
    // The manifest is in the store only when all else is.
    const source = Object.assign(overlaySource(store, documents), { path: (digest: Digest) => store.path(digest) })
    const image = await openImage(source, there.descriptor, { codec, platform, signal })
    const layers = new Map((await image.layers()).map((layer) => [layer.diffId, layer.descriptor.digest]))
    await snapshots.unpack(image, {
      signal,
      ready: (layer) => arrivals.of(layer.descriptor.digest),
      arriving: (layer) => arrivals.begun(layer.descriptor.digest),
      onProgress: (event) => options.onUnpack(event, layers.get(event.diffId) ?? event.diffId),
    })
  })()
  let failure: { readonly error: unknown } | undefined
  await Promise.all(
    [copying, unpacking].map((each) =>
      each.catch((error: unknown) => {
        failure ??= { error }
        stop.abort(error)
      }),
    ),
  )
  if (failure !== undefined) throw failure.error
  return openImage(store, root, { codec, platform, signal: options.signal })
}

/** The repository, but for the documents that were read already. */
function withDocuments(remote: RemoteRepository, documents: ReadonlyMap<Digest, Uint8Array>): BlobSource {
  return {
    ...overlaySource(remote, documents),
    behind: () => remote,
    ...(remote.fill === undefined
      ? {}
      : { fill: (descriptor, partial, options) => remote.fill?.(descriptor, partial, options) ?? Promise.resolve() }),
  }
}
