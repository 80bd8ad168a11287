import { formatReference, parseReference, type Descriptor } from '@gantry/oci'
import type { TransferEvent } from './image-details.ts'
import type { ImageWorld } from './images.ts'
import { progressOf } from './progress-of.ts'
import { roomWhenFull } from './room-when-full.ts'

/** Takes a docker or OCI archive in: images are unpacked and named as the archive says. */
export function loadImages(
  world: ImageWorld,
  archive: AsyncIterable<Uint8Array>,
  { signal: outer }: { signal?: AbortSignal } = {},
): AsyncIterable<TransferEvent> {
  return progressOf<TransferEvent>(async (report, signal) => {
    const { store, codec } = world
    const { loadArchive } = await import('@gantry/image')
    await using room = roomWhenFull(store)
    await using lease = store.lease('new')
    const loaded = await room.watch(loadArchive(archive, { spool: store, codec, signal }))
    for (const { reference, descriptor } of loaded) {
      lease.add(descriptor.digest)
      const { id } = await world.catalog.documents(descriptor)
      const name = reference === undefined ? undefined : formatReference(parseReference(reference))
      await room.watch(unpackHere(world, descriptor, signal))
      // The name is given last, so that it never stands for half an image. Without one nothing else leads to it.
      await store.tag(name ?? `localhost/loaded:${id.slice('sha256:'.length, 'sha256:'.length + 12)}`, descriptor)
      store.record({ kind: 'load', digest: id, ...(name === undefined ? {} : { name }) })
      report({ kind: 'loaded', id, ...(name === undefined ? {} : { name }) })
    }
    await store.flush()
  }, outer)
}

/** Unpacks an image that containers could run here; one for other platforms only is kept as it is. */
async function unpackHere(
  { store, codec, platform, snapshots }: ImageWorld,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<void> {
  const { ImageError, openImage } = await import('@gantry/image')
  try {
    await snapshots.unpack(await openImage(store, descriptor, { codec, platform, signal }), { signal })
  } catch (error) {
    if (!(error instanceof ImageError && error.code === 'PLATFORM_UNKNOWN')) throw error
  }
}

/** Writes a docker archive, which is an OCI layout too. An image that is asked for by id is in it without a name. */
export async function* saveImages(
  { store, catalog }: ImageWorld,
  references: readonly string[],
  { signal }: { signal?: AbortSignal } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { saveDockerArchive } = await import('@gantry/image')
  const images: { reference?: string; descriptor: Descriptor }[] = []
  for (const text of references) {
    const { image, name } = await catalog.find(text)
    images.push({ descriptor: image.descriptor, ...(name === undefined ? {} : { reference: name }) })
  }
  yield* saveDockerArchive(images, { source: store, ...(signal === undefined ? {} : { signal }) })
}
