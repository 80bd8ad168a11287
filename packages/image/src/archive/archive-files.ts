import type { Descriptor, Digest } from '@gantry/oci'
import { normalizeEntryPath } from '@gantry/tar'
import { ImageError } from '../errors.ts'

/** The files of an archive, wherever their bytes are. */
export interface ArchiveFiles {
  /** The small documents that say what is in it: `index.json`, `manifest.json`, `oci-layout`. */
  readonly documents: ReadonlyMap<string, Uint8Array>
  /** The first bytes of a file, fewer when it is shorter. Throws as `describe` does. */
  head(path: string, count: number): Promise<Uint8Array>
  /**
   * The file at a path, links followed. With `expected` the digest is taken for its content's where it has that digest as it
   * stands: reading it will tell.
   *
   * @throws {ImageError} ARCHIVE_INVALID: there is none
   */
  describe(path: string, expected?: Digest): Promise<Descriptor>
}

/** More links than these, one to the next, are a circle. */
const mostLinks = 40

/**
 * Finds what stands at a path, following links.
 *
 * @throws {ImageError} ARCHIVE_INVALID: nothing does, or the links lead out of the archive or in a circle
 */
export function fileAt<File>(
  { files, links }: { readonly files: ReadonlyMap<string, File>; readonly links: ReadonlyMap<string, string> },
  path: string,
): File {
  let at = normalizeEntryPath(path)
  for (let followed = 0; followed < mostLinks; followed++) {
    const file = files.get(at)
    if (file !== undefined) return file
    const target = links.get(at)
    if (target === undefined) break
    at = normalizeEntryPath(target)
  }
  throw badArchive(`it has no file ${JSON.stringify(path)}`)
}

/** What is wrong with an archive. */
export function badArchive(problem: string): ImageError {
  return new ImageError('ARCHIVE_INVALID', `Cannot load the archive: ${problem}`)
}
