import { ingestLayer, mutate, openImage } from '@gantry/image'
import { formatReference, parseReference, type ContainerConfig, type Digest } from '@gantry/oci'
import { EngineError } from '../engine-error.ts'
import type { ImageWorld } from './images.ts'

/** An image that is made of another one and a layer. */
export interface CommitRequest {
  /** Manifest of the image below. */
  readonly base: Digest
  /** The tar of the layer. */
  readonly layer: AsyncIterable<Uint8Array>
  readonly config: ContainerConfig
  /** Absent: a name is made up from its id, since content without one is not kept. */
  readonly name?: string
  readonly author?: string
  readonly comment?: string
  /** What made the layer, for the history. */
  readonly createdBy: string
  /** Milliseconds since the epoch. */
  readonly created: number
}

/** Puts a layer on an image and gives the result a name. @throws EngineError IMAGE_UNKNOWN, SPEC_INVALID */
export async function commitImage(world: ImageWorld, request: CommitRequest): Promise<Digest> {
  const { store, codec, snapshots } = world
  const reference = request.name === undefined ? undefined : parseReference(request.name)
  if (reference?.digest !== undefined)
    throw new EngineError('SPEC_INVALID', `refusing to create a tag with a digest reference: "${request.name ?? ''}"`)
  const below = await store.resolve(request.base)
  if (below === undefined) throw new EngineError('IMAGE_UNKNOWN', `No such image: ${request.base}`)
  await using lease = store.lease('new')
  const base = await openImage(store, below, { codec })
  const layer = await ingestLayer(request.layer, store, { codec })
  lease.add(layer.descriptor.digest)
  const created = new Date(request.created).toISOString()
  const { author = '', comment = '' } = request
  const history = {
    created,
    created_by: request.createdBy,
    ...(author === '' ? {} : { author }),
    ...(comment === '' ? {} : { comment }),
  }
  const image = await mutate(
    base,
    {
      append: [{ ...layer, source: store, history }],
      config: (config) => ({ ...config, created, ...(author === '' ? {} : { author }), config: request.config }),
    },
    codec,
  )
  const { copy } = await import('@gantry/image')
  await copy(image.source, store, image.descriptor)
  const id = image.configDescriptor.digest
  await snapshots.unpack(image)
  const hex = id.slice('sha256:'.length, 'sha256:'.length + 12)
  const name = reference === undefined ? `localhost/committed:${hex}` : formatReference(reference)
  await store.tag(name, image.descriptor)
  store.record({ kind: 'tag', name, digest: id })
  await store.flush()
  return id
}
