import { asOwner } from '@gantry/linux'
import { normalizeEntryPath, TarReader, type TarEvent, type TarHeader } from '@gantry/tar'
import { Extractor } from '../extract/extractor.ts'
import { SnapshotError } from '../snapshot-error.ts'
import { treeFormat } from './tree-format.ts'
import type { OwnerMap } from './tree-tar.ts'

/** How an archive is written into a tree. */
export interface ExtractIntoOptions {
  /** Where in the tree, a path from its root without a symbolic link in it; `.` is the root. */
  readonly path: string
  /** What an entry, by its normalised path, is called here; `.` is left out. Default: as in the archive. */
  readonly rename?: (path: string) => string
  /** Who an owner of the archive is in the tree. Default: the same. */
  readonly ownerOf?: OwnerMap
  /** Everything gets this owner. Default: what the archive says. */
  readonly owner?: { readonly uid: number; readonly gid: number }
  /** Who makes what is new; the tree may know no other users than its own. Default: who calls. */
  readonly as?: { readonly uid: number; readonly gid: number }
  /** Whether a directory may take the place of something else, and something else that of a directory. Default: false. */
  readonly replaceDirectories?: boolean
}

/**
 * Writes an archive into an existing tree, over what is there. Symbolic links on the way are followed with the tree's root as
 * the root, also while somebody changes them: nothing is written outside. `root` is an open descriptor; the caller closes it.
 * The directory itself keeps its owner and mode. What an archive that ends badly has brought so far stays.
 *
 * @throws SnapshotError LAYER_INVALID, TREE_CONFLICT; TarError; SystemCallError ENOSPC, EROFS and others
 */
export async function extractInto(
  root: number,
  archive: AsyncIterable<Uint8Array>,
  { path, owner, ownerOf, as, rename = (name) => name, replaceDirectories = false }: ExtractIntoOptions,
): Promise<void> {
  const under = (text: string): string => {
    const name = rename(normalizeEntryPath(text))
    return path === '.' ? name : `${path}/${name}`
  }
  const moved = (header: TarHeader): TarHeader => ({
    ...header,
    path: under(header.path),
    ...(header.type === 'hardlink' && header.linkPath !== undefined ? { linkPath: under(header.linkPath) } : {}),
    ...ownerOf?.(header),
    ...owner,
  })
  const extractor = new Extractor(root, treeFormat, { keepsKinds: !replaceDirectories })
  const reader = new TarReader()
  let skipping = false
  const take = (event: TarEvent): void => {
    if (event.kind === 'entry') skipping = rename(normalizeEntryPath(event.header.path)) === '.'
    if (skipping) return
    extractor.take(event.kind === 'entry' ? { kind: 'entry', header: moved(event.header) } : event)
  }
  const made = <T>(work: () => T): T => (as === undefined ? work() : asOwner(as, work))
  try {
    for await (const chunk of archive) {
      reader.push(chunk)
      made(() => {
        for (let event = reader.read(); event !== undefined; event = reader.read()) take(event)
      })
    }
    reader.finish()
    const [link] = made(() => extractor.finish()).links
    if (link === undefined) return
    const message = `Cannot unpack "${link.path}": it is a hard link to "${link.target}", which is not there`
    throw new SnapshotError('LAYER_INVALID', message)
  } finally {
    extractor.close()
  }
}
