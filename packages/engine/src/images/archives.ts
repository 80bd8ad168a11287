import { formatReference, parseReference, type Descriptor } from '@gantry/oci'
import type { TransferEvent } from './image-details.ts'
import type { ImageWorld } from './images.ts'
import { openForContainer } from './open-for-container.ts'
import { progressOf } from './progress-of.ts'

/** Takes a docker or OCI archive in: images are unpacked and named as the archive says. */
export function loadImages(
  world: ImageWorld,
  archive: AsyncIterable<Uint8Array>,
  { signal: outer }: { signal?: AbortSignal } = {},
): AsyncIterable<TransferEvent> {
  return progressOf<TransferEvent>(async (report, signal) => {
    const { store, codec } = world
    const { loadArchive } = await import('@gantry/image')
    await using lease = store.lease('new')
    const loaded = await loadArchive(archive, { spool: store, codec, signal })
    for (const { reference, descriptor } of loaded) {
      lease.add(descriptor.digest)
      const { id } = await world.catalog.documents(descriptor)
      const name = reference === undefined ? undefined : formatReference(parseReference(reference))
      // Without a name nothing else leads to it.
      await store.tag(name ?? `localhost/loaded:${id.slice('sha256:'.length, 'sha256:'.length + 12)}`, descriptor)
      await openForContainer(world, id, { signal })
      store.record({ kind: 'load', digest: id, ...(name === undefined ? {} : { name }) })
      report({ kind: 'loaded', id, ...(name === undefined ? {} : { name }) })
    }
    await store.flush()
  }, outer)
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
