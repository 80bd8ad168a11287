import type { Descriptor } from '@gantry/oci'
import type { BlobIngester } from '@gantry/image'
import { MediaType } from '@gantry/oci'
import { type TarHeader, type TarInput, writeTar } from '@gantry/tar'
import { compareBytes } from '../files/fs-path.ts'
import type { PlannedEntry } from './layer-plan.ts'

/** Writes planned entries as an uncompressed layer into a store. Equal entries make equal bytes. */
export function writeLayer(
  entries: ReadonlyMap<string, PlannedEntry>,
  store: BlobIngester,
  options: { readonly signal?: AbortSignal | undefined; readonly onBytes?: (bytes: number) => void },
): Promise<Descriptor> {
  const { signal, onBytes } = options
  const body = watched(writeTar(tarEntries(entries)), onBytes)
  return store.ingest(body, { mediaType: MediaType.layerTar, ...(signal === undefined ? {} : { signal }) })
}

/** Entries in the order of an archive: by path, element for element, so that a directory comes before its content. */
export function sortedEntries(entries: ReadonlyMap<string, PlannedEntry>): Iterable<readonly [string, PlannedEntry]> {
  // Planned directory by directory they mostly stand so already.
  let before = ''
  const isSorted = entries.keys().every((path) => {
    const key = sortKey(path)
    const follows = compareBytes(before, key) <= 0
    before = key
    return follows
  })
  if (isSorted) return entries
  return [...entries]
    .map((entry) => ({ entry, key: sortKey(entry[0]) }))
    .toSorted((a, b) => compareBytes(a.key, b.key))
    .map(({ entry }) => entry)
}

/** A slash sorts before every other byte, else "a.b" would stand between "a" and "a/c". */
function sortKey(path: string): string {
  return path.replaceAll('/', '\0')
}

function* tarEntries(entries: ReadonlyMap<string, PlannedEntry>): Generator<TarInput> {
  const links = new Map<string, string>()
  for (const [path, entry] of sortedEntries(entries)) {
    if (entry.type === 'socket') continue
    const first = entry.link === undefined ? undefined : links.get(entry.link)
    if (entry.link !== undefined && first === undefined) links.set(entry.link, path)
    const header = headerOf(path, entry, entry.type)
    if (first !== undefined) yield { header: { ...header, type: 'hardlink', size: 0, linkPath: first } }
    else if (entry.content === undefined) yield { header }
    else if (entry.content.kind === 'bytes') yield { header, body: [entry.content.bytes] }
    else {
      const { tree, path: source, node, digest } = entry.content
      // The store copies what it is given.
      yield { header, body: tree.open(source, node, { lent: true, ...(digest === '' ? {} : { digest }) }) }
    }
  }
}

function headerOf(path: string, entry: PlannedEntry, type: TarHeader['type']): TarHeader {
  return {
    path,
    type,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    size: entry.size,
    mtime: entry.mtime,
    ...(entry.target === undefined ? {} : { linkPath: entry.target }),
    ...(entry.devMajor === undefined ? {} : { devMajor: entry.devMajor, devMinor: entry.devMinor ?? 0 }),
    ...(entry.xattrs === undefined ? {} : { xattrs: entry.xattrs }),
  }
}

async function* watched(
  body: AsyncIterable<Uint8Array>,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    onBytes?.(chunk.length)
    yield chunk
  }
}
