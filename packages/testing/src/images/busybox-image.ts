import type { BlobSink, BlobSource, Codec, Image } from '@gantry/image'
import type { ContainerConfig } from '@gantry/oci'
import { busyboxLayer } from '../fixtures/busybox-layer.ts'
import { imageOf } from './image-of.ts'

/**
 * Puts a runnable image around the host's busybox into a store. Where `busyboxMissing()` answers a reason, skip the test
 * instead.
 */
export async function busyboxImage(
  store: BlobSource & BlobSink,
  codec: Codec,
  config: ContainerConfig = {},
): Promise<Image> {
  const defaults = { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['sh'] }
  return imageOf(store, [busyboxLayer()], { codec, config: { ...defaults, ...config } })
}
