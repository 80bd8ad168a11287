import { limits } from '@gantry/oci'
import { blockBytes, normalizeEntryPath, TarError, TarReader, type TarHeader } from '@gantry/tar'
import { collect } from '../bytes.ts'
import { badArchive } from './archive-files.ts'
import { digestOfPath, isDocumentPath, isIgnoredPath, mostEntries } from './archive-paths.ts'
import type { RandomAccess } from './random-access.ts'

/** Where the bytes of a file are in an archive. */
export interface FilePlace {
  readonly start: number
  readonly size: number
}

/** What is in an archive and where. */
export interface ScannedArchive {
  readonly documents: ReadonlyMap<string, Uint8Array>
  readonly files: ReadonlyMap<string, FilePlace>
  readonly links: ReadonlyMap<string, string>
}

const windowBytes = 16 * 1024

/**
 * Reads the headers of an archive, and of its files only the small documents: the time does not depend on how large the
 * layers are.
 *
 * @throws {TarError} as reading a tar does
 * @throws {ImageError} ARCHIVE_INVALID: sparse files, files that are there twice, too many entries
 */
export async function scanArchive(archive: RandomAccess, signal?: AbortSignal): Promise<ScannedArchive> {
  const documents = new Map<string, Uint8Array>()
  const files = new Map<string, FilePlace>()
  const links = new Map<string, string>()
  let entries = 0
  for await (const { header, start } of scanEntries(archive, signal)) {
    if (++entries > mostEntries) throw badArchive(`it has more than ${mostEntries} entries`)
    const { type, size, linkPath = '' } = header
    const path = normalizeEntryPath(header.path)
    if (type === 'symlink') links.set(path, `${path}/../${linkPath}`)
    else if (type === 'hardlink') links.set(path, linkPath)
    else if (type !== 'file' || isIgnoredPath(path)) continue
    else if (isDocumentPath(path)) {
      if (documents.has(path)) throw badArchive(`it has ${path} twice`)
      const bytes =
        size > limits.documentBytes ? undefined : await collect(archive.read(start, start + size, signal), size)
      if (bytes === undefined) throw badArchive(`${path} has more than ${limits.documentBytes} bytes`)
      documents.set(path, bytes)
    } else {
      const known = files.get(path)
      // A blob's name says what it is, so the first is as good as any other.
      if (known !== undefined && digestOfPath(path) === undefined) throw badArchive(`it has ${path} twice`)
      if (known === undefined) files.set(path, { start, size })
    }
  }
  return { documents, files, links }
}

async function* scanEntries(
  archive: RandomAccess,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly header: TarHeader; readonly start: number }> {
  const reader = new TarReader()
  const zeros = new Uint8Array(1024 * 1024)
  // Header blocks are pushed one by one, so that an entry's body begins where the last block ended.
  for await (const { block, end, skip } of blocksOf(archive, signal)) {
    reader.push(block)
    for (let event = reader.read(); event !== undefined; event = reader.read()) {
      if (event.kind !== 'entry') continue
      const { header } = event
      if (header.sparse !== undefined)
        throw badArchive(`${header.path} is a sparse file; make the archive without them`)
      const stored = header.type === 'file' ? header.size : 0
      if (end + stored > archive.size) {
        throw new TarError(
          'TRUNCATED',
          `Cannot read the tar entry ${JSON.stringify(header.path)}: the archive ends within it`,
        )
      }
      yield { header, start: end }
      const padded = Math.ceil(stored / blockBytes) * blockBytes
      skip(padded)
      // The reader gets the body's length of anything: nobody looks at it.
      for (let left = padded; left > 0;) {
        for (let more = reader.read(); more !== undefined; more = reader.read());
        const length = Math.min(left, zeros.length)
        reader.push(zeros.subarray(0, length))
        left -= length
      }
    }
  }
  reader.finish()
}

async function* blocksOf(
  archive: RandomAccess,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly block: Uint8Array; readonly end: number; readonly skip: (bytes: number) => void }> {
  let at = 0
  const skip = (bytes: number): void => void (at += bytes)
  while (at < archive.size) {
    signal?.throwIfAborted()
    const from = at
    const window = await collect(archive.read(from, Math.min(from + windowBytes, archive.size), signal), windowBytes)
    if (window === undefined || window.length === 0) return
    while (at >= from && at < from + window.length) {
      const block = window.subarray(at - from, at - from + blockBytes)
      at += block.length
      yield { block, end: at, skip }
    }
  }
}
