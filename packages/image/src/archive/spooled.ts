import { isDigest, limits, type Descriptor } from '@gantry/oci'
import { normalizeEntryPath, readTar, type TarEntry } from '@gantry/tar'
import type { BlobIngester, BlobSink, BlobSource } from '../blob.ts'
import { collect } from '../bytes.ts'
import { ImageError } from '../errors.ts'

/** Takes what an archive holds before it is known what that is; a store can be one. */
export type BlobSpool = BlobSource & BlobSink & BlobIngester

/** An archive whose entries have been read: small documents in memory, everything else in the spool. */
export interface SpooledArchive {
  readonly documents: ReadonlyMap<string, Uint8Array>
  readonly blobs: ReadonlyMap<string, Descriptor>
  /** Paths that are links, with the path they lead to. */
  readonly links: ReadonlyMap<string, string>
}

const octets = 'application/octet-stream'
const documentPaths = new Set(['index.json', 'manifest.json', 'oci-layout'])
// Kept by old versions of Docker for older ones.
const ignored = /(?:^|\/)(?:VERSION|json|repositories)$/
const mostEntries = 100_000

/** Reads a tar into the spool. Blobs of an image layout are verified by their names, other files are hashed. */
export async function spoolArchive(
  tar: AsyncIterable<Uint8Array>,
  spool: BlobSpool,
  signal: AbortSignal | undefined,
): Promise<SpooledArchive> {
  const documents = new Map<string, Uint8Array>()
  const blobs = new Map<string, Descriptor>()
  const links = new Map<string, string>()
  let entries = 0
  for await (const entry of readTar(tar)) {
    signal?.throwIfAborted()
    if (++entries > mostEntries) throw invalid(`it has more than ${mostEntries} entries`)
    const { type, path: raw, linkPath = '' } = entry.header
    const path = normalizeEntryPath(raw)
    if (type === 'symlink') links.set(path, `${path}/../${linkPath}`)
    else if (type === 'hardlink') links.set(path, linkPath)
    else if (type !== 'file' || ignored.test(path)) continue
    else if (documentPaths.has(path)) documents.set(path, await readSmall(entry))
    else blobs.set(path, await spoolFile(path, entry, spool, signal))
  }
  return { documents, blobs, links }
}

/**
 * The blob at a path of the archive, links followed.
 *
 * @throws {ImageError} ARCHIVE_INVALID: there is none
 */
export function blobAt({ blobs, links }: SpooledArchive, path: string): Descriptor {
  let at = normalizeEntryPath(path)
  for (let followed = 0; followed < 40; followed++) {
    const blob = blobs.get(at)
    if (blob !== undefined) return blob
    const target = links.get(at)
    if (target === undefined) break
    at = normalizeEntryPath(target)
  }
  throw invalid(`it has no file ${JSON.stringify(path)}`)
}

async function spoolFile(
  path: string,
  { header, body }: TarEntry,
  spool: BlobSpool,
  signal: AbortSignal | undefined,
): Promise<Descriptor> {
  const options = signal === undefined ? {} : { signal }
  const named = /^blobs\/(\w+)\/(\w+)$/.exec(path)
  const digest = named === null ? '' : `${named[1]}:${named[2]}`
  if (!isDigest(digest)) return spool.ingest(body, { mediaType: octets, ...options })
  const descriptor = { mediaType: octets, digest, size: header.size }
  await spool.put(descriptor, body, options)
  return descriptor
}

async function readSmall({ header, body }: TarEntry): Promise<Uint8Array> {
  const bytes = await collect(body, limits.documentBytes)
  if (bytes === undefined) throw invalid(`${header.path} has more than ${limits.documentBytes} bytes`)
  return bytes
}

function invalid(problem: string): ImageError {
  return new ImageError('ARCHIVE_INVALID', `Cannot load the archive: ${problem}`)
}
