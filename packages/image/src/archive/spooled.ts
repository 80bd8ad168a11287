import { limits, type Descriptor } from '@gantry/oci'
import { normalizeEntryPath, readTar, type TarEntry } from '@gantry/tar'
import type { BlobIngester, BlobSink, BlobSource } from '../blob.ts'
import { collect } from '../bytes.ts'
import { badArchive, fileAt, type ArchiveFiles } from './archive-files.ts'
import { digestOfPath, isDocumentPath, isIgnoredPath, mostEntries } from './archive-paths.ts'

/** Takes what an archive holds before it is known what that is; a store can be one. */
export type BlobSpool = BlobSource & BlobSink & BlobIngester

const octets = 'application/octet-stream'

/** Reads a tar into the spool. Blobs of an image layout are verified by their names, other files are hashed. */
export async function spoolArchive(
  tar: AsyncIterable<Uint8Array>,
  spool: BlobSpool,
  signal: AbortSignal | undefined,
): Promise<ArchiveFiles> {
  const documents = new Map<string, Uint8Array>()
  const blobs = new Map<string, Descriptor>()
  const links = new Map<string, string>()
  let entries = 0
  for await (const entry of readTar(tar)) {
    signal?.throwIfAborted()
    if (++entries > mostEntries) throw badArchive(`it has more than ${mostEntries} entries`)
    const { type, path: raw, linkPath = '' } = entry.header
    const path = normalizeEntryPath(raw)
    if (type === 'symlink') links.set(path, `${path}/../${linkPath}`)
    else if (type === 'hardlink') links.set(path, linkPath)
    else if (type !== 'file' || isIgnoredPath(path)) continue
    else if (isDocumentPath(path)) {
      if (documents.has(path)) throw badArchive(`it has ${path} twice`)
      documents.set(path, await readSmall(entry))
    } else {
      const blob = await spoolFile(path, entry, spool, signal)
      // Two programs could each take another one of them.
      if ((blobs.get(path) ?? blob).digest !== blob.digest) throw badArchive(`it has ${path} twice`)
      blobs.set(path, blob)
    }
  }
  const describe = async (path: string): Promise<Descriptor> => fileAt({ files: blobs, links }, path)
  return {
    documents,
    describe,
    head: async (path, count) => {
      const blob = await describe(path)
      const range = { start: 0, end: Math.min(count, blob.size) }
      await using reader = await spool.open(blob, { range, ...(signal === undefined ? {} : { signal }) })
      return (await collect(reader, count)) ?? new Uint8Array()
    },
  }
}

async function spoolFile(
  path: string,
  { header, body }: TarEntry,
  spool: BlobSpool,
  signal: AbortSignal | undefined,
): Promise<Descriptor> {
  const options = signal === undefined ? {} : { signal }
  const digest = digestOfPath(path)
  if (digest === undefined) return spool.ingest(body, { mediaType: octets, ...options })
  const descriptor = { mediaType: octets, digest, size: header.size }
  await spool.put(descriptor, body, options)
  return descriptor
}

async function readSmall({ header, body }: TarEntry): Promise<Uint8Array> {
  const bytes = await collect(body, limits.documentBytes)
  if (bytes === undefined) throw badArchive(`${header.path} has more than ${limits.documentBytes} bytes`)
  return bytes
}
