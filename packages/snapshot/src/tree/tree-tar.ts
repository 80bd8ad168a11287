import { tarOf } from '../diff/diff-upper.ts'
import { walkNamed } from '../diff/walk-upper.ts'
import { treeFormat } from './tree-format.ts'

/**
 * The tar of what has a name in an open directory (`.` is the directory itself), with all below it, as if its name were `as` (empty: only what is below).
 * The tree may be another's, and may change: no symbolic link is followed and nothing outside is read. Owners, modes, devices,
 * hard links and extended attributes are kept; sockets are left out. Blocks its thread for a chunk at a time.
 *
 * @throws SystemCallError ENOENT
 */
export async function* treeTar(
  directory: number,
  { name, as }: { readonly name: string; readonly as: string },
): AsyncGenerator<Uint8Array> {
  yield* tarOf(walkNamed(directory, { name, as, format: treeFormat }), { live: true })
}
