import { tarOf } from '../diff/diff-upper.ts'
import { walkNamed, type UpperEntry } from '../diff/walk-upper.ts'
import { treeFormat } from './tree-format.ts'

/**
 * The tar of what has a name in an open directory (`.` is the directory itself), with all below it, as if its name were `as` (empty: only what is below).
 * The tree may be another's, and may change: no symbolic link is followed and nothing outside is read. Owners, modes, devices,
 * hard links and extended attributes are kept; sockets are left out. `ownerOf` says who an owner is called in the archive. Blocks its thread for a chunk at a time.
 *
 * @throws SystemCallError ENOENT
 */
export async function* treeTar(
  directory: number,
  { name, as, ownerOf }: { readonly name: string; readonly as: string; readonly ownerOf?: OwnerMap },
): AsyncGenerator<Uint8Array> {
  const entries = walkNamed(directory, { name, as, format: treeFormat })
  yield* tarOf(ownerOf === undefined ? entries : mapped(entries, ownerOf), { live: true })
}

/** Who an owner is elsewhere. */
export type OwnerMap = (owner: { readonly uid: number; readonly gid: number }) => {
  readonly uid: number
  readonly gid: number
}

function* mapped(entries: Iterable<UpperEntry>, ownerOf: OwnerMap): Generator<UpperEntry> {
  for (const entry of entries) {
    if (entry.kind === 'entry') yield { ...entry, header: { ...entry.header, ...ownerOf(entry.header) } }
    else yield entry
  }
}
