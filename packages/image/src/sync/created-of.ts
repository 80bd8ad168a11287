import { isConfigType, parseImageConfig, parseManifestOrIndex, type Descriptor } from '@gantry/oci'
import type { BlobSource } from '../blob.ts'
import { hasChildren } from '../children.ts'
import { deepestIndex } from '../open-image.ts'
import { readDocument } from '../read-document.ts'

const createdAnnotation = 'org.opencontainers.image.created'

/**
 * When content was created, in milliseconds: by its annotation, or its config; of an index without one by its first manifest.
 * What says nothing is as old as time.
 */
export async function createdOf(
  source: BlobSource,
  descriptor: Descriptor,
  options: { readonly signal?: AbortSignal } = {},
): Promise<number> {
  let at: Descriptor | undefined = descriptor
  for (let depth = 0; at !== undefined && hasChildren(at) && depth < deepestIndex; depth++) {
    const content = parseManifestOrIndex(await readDocument(source, at, options), at.mediaType)
    const { annotations } = content.kind === 'manifest' ? content.manifest : content.index
    const annotated = timeOf(annotations?.[createdAnnotation])
    if (annotated !== undefined) return annotated
    if (content.kind === 'index') {
      at = content.index.manifests[0]
      continue
    }
    const { config } = content.manifest
    if (!isConfigType(config.mediaType)) return 0
    return timeOf(parseImageConfig(await readDocument(source, config, options)).created) ?? 0
  }
  return 0
}

function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}
