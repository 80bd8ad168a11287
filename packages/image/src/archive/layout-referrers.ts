import { isIndexType, parseManifestOrIndex, type Descriptor, type Digest } from '@gantry/oci'
import type { BlobSource } from '../blob.ts'
import { hasChildren } from '../children.ts'
import { fallbackTag } from '../copy-referrers.ts'
import { ImageError } from '../errors.ts'
import { readDocument } from '../read-document.ts'
import { referrerOf } from '../referrer.ts'
import type { LayoutEntry } from './layout-names.ts'

/** An image layout, wherever it is. */
export interface LayoutView {
  readonly entries: readonly LayoutEntry[]
  readonly source: BlobSource
}

/**
 * What refers to content in an image layout: manifests that `index.json` lists, named or not, and those of the index under
 * the tag `sha256-<hex>` that registries without a referrers API have. Each once.
 */
export async function* layoutReferrers(
  { entries, source }: LayoutView,
  subject: Digest,
  artifactType?: string,
): AsyncGenerator<Descriptor> {
  const seen = new Set<Digest>()
  for await (const found of everyReferrer(entries, source, subject)) {
    if (seen.has(found.digest) || (artifactType !== undefined && found.artifactType !== artifactType)) continue
    seen.add(found.digest)
    yield found
  }
}

async function* everyReferrer(
  entries: readonly LayoutEntry[],
  source: BlobSource,
  subject: Digest,
): AsyncGenerator<Descriptor> {
  const fallback = fallbackTag(subject)
  for (const { name, descriptor } of entries) {
    if (!hasChildren(descriptor)) continue
    const bytes = await readDocument(source, descriptor).catch(unlessUnknown)
    if (bytes === undefined) continue
    const content = parseManifestOrIndex(bytes, descriptor.mediaType)
    const referrer = referrerOf(descriptor, content)
    if (referrer?.subject.digest === subject) yield referrer.descriptor
    const tagged = name === fallback || name?.endsWith(`:${fallback}`) === true
    if (tagged && isIndexType(descriptor.mediaType) && content.kind === 'index') yield* content.index.manifests
  }
}

function unlessUnknown(error: unknown): undefined {
  if (error instanceof ImageError && error.code === 'BLOB_UNKNOWN') return undefined
  throw error
}
