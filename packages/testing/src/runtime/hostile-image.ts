import { openContentWorld } from '@gantry/daemon'
import { readerOf } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'
import type { TarInput } from '@gantry/tar'
import { describe } from '../blobs/bytes.ts'
import { busyboxLayer } from '../fixtures/busybox-layer.ts'
import { imageOf } from '../images/image-of.ts'
import type { RealDaemon } from './real-daemon.ts'

/** What somebody with bad intentions puts into an image. */
export interface HostileImage {
  /** The image becomes `localhost/<name>`. */
  readonly name: string
  /** Entries of a layer over busybox. */
  readonly entries?: readonly TarInput[]
  /** The `config` of the image's configuration as it is in the JSON, of whatever shape. */
  readonly config?: unknown
}

/** Tags an image in the store of a daemon; nothing checks its configuration before it is there. Returns its name. */
export async function hostileImage(daemon: RealDaemon, hostile: HostileImage): Promise<string> {
  const { name, entries, config } = hostile
  await using world = await openContentWorld(daemon.site)
  const { store, codec } = world
  const layers = entries === undefined ? [busyboxLayer()] : [busyboxLayer(), entries]
  const image = await imageOf(store, layers, { codec })
  const put = async (value: unknown, mediaType: string): Promise<Descriptor> => {
    const bytes = Buffer.from(JSON.stringify(value))
    const descriptor = describe(bytes, { mediaType })
    await store.put(descriptor, readerOf(bytes))
    return descriptor
  }
  const [manifest, plain] = [await image.manifest(), await image.config()]
  const written = await put({ ...plain, config: config ?? {} }, manifest.config.mediaType)
  const descriptor = await put({ ...manifest, config: written }, image.descriptor.mediaType)
  await store.tag(`localhost/${name}:latest`, descriptor)
  return `localhost/${name}`
}
