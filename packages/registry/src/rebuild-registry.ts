import { readDocument, referrerOf } from '@gantry/image'
import { isNondistributableType, OciError, parseManifestOrIndex } from '@gantry/oci'
import type { Descriptor, Digest, ManifestOrIndex } from '@gantry/oci'
import type { State } from '@gantry/state'
import { Catalog } from './catalog.ts'
import { edgesOf } from './edges.ts'
import { ownerOf } from './manifests.ts'
import { readRepositoryFiles } from './repository-files.ts'
import type { RegistryStorage } from './storage.ts'

/** What {@link rebuildRegistry} did. */
export interface Rebuilt {
  readonly repositories: number
  readonly manifests: number
  /** Tags that the database did not have. */
  readonly tags: number
  /** Manifests that a repository is said to have, and whose bytes are not there or are no manifest; they are left as they are. */
  readonly missing: readonly { readonly repository: string; readonly digest: Digest }[]
  /** Files that are not what they should be; they are left alone. */
  readonly unreadable: readonly string[]
}

/**
 * Makes what the database knows of repositories again: from the files beside the blobs which manifests and tags there are, and
 * from the manifests all else: edges, referrers, and which blobs each repository shows. What the database says already stays:
 * nothing is taken away, and its tags win over those of the files. Blobs that no manifest leads to yet are not known any more:
 * clients push or mount them again. Idempotent; may run while the registry serves.
 */
export async function rebuildRegistry(
  parts: { readonly storage: RegistryStorage; readonly state: State },
  options: { readonly signal?: AbortSignal } = {},
): Promise<Rebuilt> {
  const { storage, state } = parts
  const catalog = new Catalog(state)
  const missing: { repository: string; digest: Digest }[] = []
  const unreadable: string[] = []
  const wanted = new Map<string, Map<Digest, string>>()
  const tags = new Map<string, ReadonlyMap<string, Digest>>()
  const note = (name: string, digest: Digest, mediaType: string): void => {
    const manifests = wanted.get(name) ?? new Map<Digest, string>()
    wanted.set(name, manifests.set(digest, mediaType))
  }
  const { directory } = storage
  if (directory !== undefined) {
    for (const file of readRepositoryFiles(directory, (path) => unreadable.push(path))) {
      for (const [digest, mediaType] of file.manifests) note(file.name, digest, mediaType)
      tags.set(file.name, file.tags)
    }
  }
  for (const { repository, digest, mediaType } of catalog.everyManifest()) note(repository, digest, mediaType)

  let count = 0
  let tagged = 0
  for (const [repository, manifests] of wanted) {
    for (const [digest, mediaType] of manifests) {
      options.signal?.throwIfAborted()
      const found = await readManifest(storage, digest, mediaType)
      if (found === undefined) {
        missing.push({ repository, digest })
        continue
      }
      const blobs = await presentBlobs(storage, found.content)
      state.transaction(() => record(parts, catalog, { repository, blobs, ...found }))
      count += 1
    }
    tagged += state.transaction(() => addTags(catalog, repository, tags.get(repository)))
  }
  return { repositories: wanted.size, manifests: count, tags: tagged, missing, unreadable }
}

interface Found {
  readonly descriptor: Descriptor
  readonly content: ManifestOrIndex
}

async function readManifest(storage: RegistryStorage, digest: Digest, mediaType: string): Promise<Found | undefined> {
  const size = await storage.size(digest)
  if (size === undefined) return undefined
  const descriptor = { mediaType, digest, size }
  try {
    return { descriptor, content: parseManifestOrIndex(await readDocument(storage, descriptor), mediaType) }
  } catch (error) {
    if (error instanceof OciError || (error instanceof Error && 'code' in error)) return undefined
    throw error
  }
}

async function presentBlobs(storage: RegistryStorage, content: ManifestOrIndex): Promise<readonly Digest[]> {
  if (content.kind === 'index') return []
  const { config, layers } = content.manifest
  const present: Digest[] = []
  for (const { digest, mediaType } of [config, ...layers]) {
    if (!isNondistributableType(mediaType) && (await storage.size(digest)) !== undefined) present.push(digest)
  }
  return present
}

function record(
  { storage }: { readonly storage: RegistryStorage },
  catalog: Catalog,
  {
    repository,
    descriptor,
    content,
    blobs,
  }: Found & { readonly repository: string; readonly blobs: readonly Digest[] },
): void {
  const id = catalog.ensure(repository)
  const found = referrerOf(descriptor, content)
  const referrer =
    found === undefined ? {} : { referrer: { subject: found.subject.digest, descriptor: found.descriptor } }
  catalog.putManifest(id, { ...descriptor, tags: [], edges: edgesOf(content), ...referrer })
  for (const digest of blobs) catalog.linkBlob(id, digest)
  storage.retain(ownerOf(repository), descriptor.digest)
}

function addTags(catalog: Catalog, repository: string, tags: ReadonlyMap<string, Digest> = new Map()): number {
  const id = catalog.find(repository)
  if (id === undefined) return 0
  let added = 0
  for (const [tag, digest] of tags) {
    const isThere = catalog.manifest(id, { kind: 'tag', tag }) !== undefined
    if (isThere || catalog.manifest(id, { kind: 'digest', digest }) === undefined) continue
    catalog.putTag(id, tag, digest)
    added += 1
  }
  return added
}
