import { encodeJson, isIndexType, MediaType, parseIndex, type Digest } from '@gantry/oci'
import { describeBytes, readerOf } from '../bytes.ts'
import type { Hashing } from '../codec.ts'
import type { AttachedSink } from '../copy-attached.ts'
import { fallbackTag } from '../copy-referrers.ts'
import { readDocument } from '../read-document.ts'

/**
 * Takes a referrer out of the index under the fallback tag of its subject, as clients have to when they remove one. False when it
 * is not in it, or there is no such index. The referrer's own manifest stays.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#deleting-manifests
 */
export async function unlistReferrer(
  sink: AttachedSink,
  { subject, referrer }: { readonly subject: Digest; readonly referrer: Digest },
  { codec, signal }: { readonly codec: Hashing; readonly signal?: AbortSignal },
): Promise<boolean> {
  const options = signal === undefined ? {} : { signal }
  const tag = fallbackTag(subject)
  const found = await sink.sibling(tag)
  if (found === undefined || !isIndexType(found.mediaType)) return false
  const before = parseIndex(await readDocument(sink.blobs, found, options))
  const manifests = before.manifests.filter(({ digest }) => digest !== referrer)
  if (manifests.length === before.manifests.length) return false
  const bytes = encodeJson({ ...before, manifests })
  const index = await describeBytes(bytes, before.mediaType ?? MediaType.imageIndex, codec)
  await sink.blobs.put(index, readerOf(bytes), options)
  await sink.tagSibling(tag, index)
  return true
}
