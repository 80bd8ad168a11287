import { readDocument } from '@gantry/image'
import { isNondistributableType, parseManifestOrIndex } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { Store } from '@gantry/store'
import type { Catalog } from '../catalog.ts'
import type { MissingContent } from './scrub-report.ts'

/** What is looked at. */
export interface FindMissingParts {
  readonly store: Store
  readonly catalog: Catalog
  readonly isCache: (repository: string) => boolean
  readonly signal: AbortSignal | undefined
}

/**
 * Finds manifests of repositories that are not in the store, and what manifests lead to that is not: configs, layers that may be
 * distributed, manifests of an index. Subjects need not be there, and what caches have not been asked for neither.
 */
export async function* findMissing(parts: FindMissingParts): AsyncGenerator<Omit<MissingContent, 'repaired'>> {
  const { store, catalog, isCache, signal } = parts
  const seen = new Set<string>()
  for (const { repository, digest, mediaType } of catalog.everyManifest()) {
    signal?.throwIfAborted()
    if (isCache(repository)) continue
    const size = store.size(digest)
    if (size === undefined) {
      if (isShown(catalog, repository, digest)) yield { digest, kind: 'manifest', repository }
      // It may have been repaired by whoever was told.
      if (store.size(digest) === undefined) continue
    }
    const id = catalog.find(repository)
    const edges = id === undefined ? [] : catalog.children(id, digest)
    for (const { child, kind } of edges) {
      const key = `${repository} ${child}`
      if (kind === 'subject' || seen.has(key) || store.size(child) !== undefined) continue
      seen.add(key)
      const isHere = isShown(catalog, repository, digest)
      if (!isHere || (kind === 'layer' && (await isElsewhere(parts, { digest, mediaType, child })))) continue
      yield { digest: child, kind: kind === 'manifest' ? 'manifest' : 'blob', repository, parent: digest }
    }
  }
}

/** Whether it has not been deleted meanwhile. */
function isShown(catalog: Catalog, repository: string, digest: Digest): boolean {
  const id = catalog.find(repository)
  return id !== undefined && catalog.manifest(id, { kind: 'digest', digest }) !== undefined
}

/** Whether a layer is one that is not distributed, and was never here. */
async function isElsewhere(
  { store }: FindMissingParts,
  { digest, mediaType, child }: { readonly digest: Digest; readonly mediaType: string; readonly child: Digest },
): Promise<boolean> {
  const size = store.size(digest)
  if (size === undefined) return false
  try {
    const content = parseManifestOrIndex(await readDocument(store, { mediaType, digest, size }), mediaType)
    const layers = content.kind === 'manifest' ? content.manifest.layers : []
    return layers.some((layer) => layer.digest === child && isNondistributableType(layer.mediaType))
  } catch {
    // A manifest that cannot be read says nothing of its layers; that it is damaged is said elsewhere.
    return true
  }
}
