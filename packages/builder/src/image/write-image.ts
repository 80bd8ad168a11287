import { assembleImage, copy, type Image } from '@gantry/image'
import type { ImageConfig, Platform } from '@gantry/oci'
import type { BuilderPorts } from '../ports.ts'
import type { StageState } from '../plan/stage-state.ts'
import type { LayerStack } from './layer-stack.ts'

/** What an image is made of. */
export interface ImageContent {
  readonly state: StageState
  readonly stack: LayerStack
  readonly platform: Platform
  /** RFC 3339. */
  readonly created: string
  readonly labels: Readonly<Record<string, string>>
  /** Of the manifest. */
  readonly annotations: Readonly<Record<string, string>>
}

/** Writes the config and manifest of a finished stage into the store. Equal content makes equal bytes. */
export async function writeImage(
  content: ImageContent,
  ports: Pick<BuilderPorts, 'store' | 'codec'>,
  signal: AbortSignal,
): Promise<Image> {
  const { state, stack, platform, created, labels, annotations } = content
  const { store, codec } = ports
  const { config } = state
  const merged = { ...config.Labels, ...labels }
  const parts: Omit<ImageConfig, 'rootfs'> = {
    created,
    ...(state.author === undefined ? {} : { author: state.author }),
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    config: {
      ...config,
      ...(config.ExposedPorts === undefined ? {} : { ExposedPorts: sorted(config.ExposedPorts) }),
      ...(config.Volumes === undefined ? {} : { Volumes: sorted(config.Volumes) }),
      ...(Object.keys(merged).length === 0 ? {} : { Labels: sorted(merged) }),
    },
    history: state.history,
  }
  const hasAny = Object.keys(annotations).length > 0
  const image = await assembleImage(
    { config: parts, layers: stack, ...(hasAny ? { annotations: sorted(annotations) } : {}) },
    { source: store, codec },
  )
  await copy(image.source, store, image.descriptor, { signal })
  return image
}

/** Sets are written in order, as Go writes its maps. */
function sorted<Value>(members: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(members).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
