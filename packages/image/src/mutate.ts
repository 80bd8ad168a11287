import type { Digest, HistoryEntry, ImageConfig } from '@gantry/oci'
import { assembleImage, type LayerParts } from './assemble.ts'
import type { BlobSource } from './blob.ts'
import type { Codec } from './codec.ts'
import type { Image } from './image.ts'
import { overlaySource } from './overlay-source.ts'

/** A layer to be put on top. */
export interface AppendedLayer extends LayerParts {
  /** Where its blob is, when the image's own source does not have it. */
  readonly source?: BlobSource
  readonly history?: HistoryEntry
}

/** What a changed image gets; what is absent stays. */
export interface ImageChange {
  /** Put on top, lowest first. */
  readonly append?: readonly AppendedLayer[]
  /** Answers the new configuration; its `rootfs` is made from the layers. */
  readonly config?: (config: ImageConfig) => Omit<ImageConfig, 'rootfs'>
  /** Over those of the manifest; an empty value takes one away. */
  readonly annotations?: Readonly<Record<string, string>>
}

/** The same image with a change: a new view, the one given stays as it is. No layer is read. */
export async function mutate(image: Image, change: ImageChange, codec: Codec): Promise<Image> {
  const { append = [], annotations = {} } = change
  const [manifest, config, layers] = await Promise.all([image.manifest(), image.config(), image.layers()])
  const changed = change.config?.(config) ?? config
  const history = append.flatMap((layer) => layer.history ?? [])
  const sources = append.flatMap((layer): [Digest, BlobSource][] => {
    return layer.source === undefined ? [] : [[layer.descriptor.digest, layer.source]]
  })
  return assembleImage(
    {
      config: history.length === 0 ? changed : { ...changed, history: [...(changed.history ?? []), ...history] },
      layers: [...layers, ...append],
      annotations: Object.fromEntries(
        Object.entries({ ...manifest.annotations, ...annotations }).filter(([, value]) => value !== ''),
      ),
    },
    { source: overlaySource(image.source, new Map(sources)), codec },
  )
}
