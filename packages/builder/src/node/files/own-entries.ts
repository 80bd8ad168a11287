import { hash } from 'node:crypto'
import type { Tree } from '../../files/node.ts'
import { ancestorsOf } from '../../files/resolve-path.ts'
import type { PlannedEntry } from '../../layer/layer-plan.ts'
import type { PlacedLink } from '../layout/layout.ts'
import type { EntriesOptions } from '../packages/package-entries.ts'
import type { OwnFile } from './own-files.ts'

/** What a layer of the project's own files will hold: they belong to root, modes are 644 or 755, whatever they are here. */
export async function ownEntries(
  tree: Tree,
  files: readonly OwnFile[],
  { prefix, epoch }: EntriesOptions,
): Promise<ReadonlyMap<string, PlannedEntry>> {
  const entries = new Map<string, PlannedEntry>()
  const common = { uid: 0, gid: 0, mtime: epoch }
  for (const { path, node } of files) {
    const inside = `${prefix}/${path}`
    addDirectories(entries, inside, epoch)
    if (node.type === 'symlink') {
      entries.set(inside, { type: 'symlink', mode: 0o777, size: 0, target: node.target ?? '', ...common })
    } else {
      const mode = (node.mode & 0o111) === 0 ? 0o644 : 0o755
      const digest = await tree.digest(path, node)
      entries.set(inside, {
        type: 'file',
        mode,
        size: node.size,
        content: { kind: 'tree', tree, path, node, digest },
        ...common,
      })
    }
  }
  return entries
}

/** What a layer of links will hold, with files that Gantry itself brings. */
export function linkEntries(
  links: readonly PlacedLink[],
  files: ReadonlyMap<string, string>,
  { prefix, epoch }: EntriesOptions,
): ReadonlyMap<string, PlannedEntry> {
  const entries = new Map<string, PlannedEntry>()
  const common = { uid: 0, gid: 0, mtime: epoch }
  for (const { path, target } of links) {
    addDirectories(entries, `${prefix}/${path}`, epoch)
    entries.set(`${prefix}/${path}`, { type: 'symlink', mode: 0o777, size: 0, target, ...common })
  }
  for (const [path, text] of files) {
    const bytes = Buffer.from(text)
    addDirectories(entries, `${prefix}/${path}`, epoch)
    const content = { kind: 'bytes', bytes, digest: hash('sha256', bytes, 'hex') } as const
    entries.set(`${prefix}/${path}`, { type: 'file', mode: 0o644, size: bytes.length, content, ...common })
  }
  return entries
}

function addDirectories(entries: Map<string, PlannedEntry>, path: string, epoch: number): void {
  for (const directory of ancestorsOf(path)) {
    if (entries.has(directory)) continue
    entries.set(directory, { type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: epoch })
  }
}
