import { readDocument } from '@gantry/image'
import { isIndexType, parseDescriptor, parseManifestOrIndex } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import type { Ask, Asker } from './connection.ts'
import { pagesOf } from './pages.ts'
import type { RemoteRepository } from './remote-repository.ts'

/** Where referrers are looked for. */
export interface ReferrersPlace {
  readonly connection: Asker
  readonly ask: Pick<Ask, 'scopes' | 'purpose' | 'signal'> & { readonly repository: string }
  /** The repository: registries without the referrers API have an index under a tag of it. */
  readonly tagged: Pick<RemoteRepository, 'open' | 'resolve'>
}

/**
 * What refers to a manifest, of one kind or of all.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
 */
export async function* listReferrers(
  place: ReferrersPlace,
  digest: Digest,
  artifactType: string | undefined,
): AsyncGenerator<Descriptor> {
  const { connection, ask } = place
  const { repository, ...rest } = ask
  const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType }).toString()}`
  const url = `/v2/${repository}/referrers/${digest}${query}`
  let supported = false
  for await (const { value } of pagesOf(connection, { method: 'GET', url, accept: [404], ...rest })) {
    supported = true
    const manifests: unknown = value['manifests']
    if (!Array.isArray(manifests)) continue
    for (const each of manifests) {
      const descriptor = parseDescriptor(each)
      if (artifactType === undefined || descriptor.artifactType === artifactType) yield descriptor
    }
  }
  if (!supported) yield* taggedReferrers(place, digest, artifactType)
}

/** Registries without the referrers API have an index under a tag made of the digest. */
async function* taggedReferrers(
  { tagged, ask: { signal } }: ReferrersPlace,
  digest: Digest,
  artifactType: string | undefined,
): AsyncGenerator<Descriptor> {
  const options = signal === undefined ? {} : { signal }
  const found = await tagged.resolve(digest.slice(0, 7 + 64).replace(':', '-'), options)
  if (found === undefined || !isIndexType(found.mediaType)) return
  const content = parseManifestOrIndex(await readDocument(tagged, found, options), found.mediaType)
  if (content.kind !== 'index') return
  for (const each of content.index.manifests) {
    if (artifactType === undefined || each.artifactType === artifactType) yield each
  }
}
