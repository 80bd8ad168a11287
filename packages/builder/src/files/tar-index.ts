import { createReadStream } from 'node:fs'
import { normalizeEntryPath, readTar, type TarHeader, whiteoutOf } from '@gantry/tar'
import type { PlannedEntry } from '../layer/layer-plan.ts'
import type { FileNode } from './node.ts'

/** What one layer says of paths: what it has, what it removes, which directories it empties first. */
export interface LayerIndex {
  readonly nodes: ReadonlyMap<string, FileNode>
  readonly removed: ReadonlySet<string>
  readonly opaque: ReadonlySet<string>
  /** Contents of the few files that builds read themselves. */
  readonly contents: ReadonlyMap<string, Uint8Array>
}

const kept = new Set(['etc/passwd', 'etc/group'])
const largestKept = 1 << 20

/** Reads the headers of an uncompressed layer. */
export async function indexLayer(path: string): Promise<LayerIndex> {
  const nodes = new Map<string, FileNode>()
  const removed = new Set<string>()
  const opaque = new Set<string>()
  const contents = new Map<string, Uint8Array>()
  for await (const { header, body } of readTar(createReadStream(path, { highWaterMark: 1 << 20 }))) {
    const entry = normalizeEntryPath(header.path)
    if (entry === '.') continue
    const whiteout = whiteoutOf(entry)
    if (whiteout?.kind === 'opaque') opaque.add(whiteout.path === '.' ? '' : whiteout.path)
    else if (whiteout !== undefined) removed.add(whiteout.path)
    else {
      nodes.set(entry, nodeOf(header, nodes))
      if (kept.has(entry) && header.type === 'file' && header.size <= largestKept) {
        contents.set(entry, Buffer.concat(await Array.fromAsync(body)))
      }
    }
  }
  return { nodes, removed, opaque, contents }
}

/** The index of a layer that was just planned and written. */
export function indexEntries(entries: ReadonlyMap<string, PlannedEntry>): LayerIndex | undefined {
  // These contents are not at hand; the layer itself will be read if it comes to that.
  for (const path of kept) if (entries.has(path)) return undefined
  return { nodes: entries, removed: new Set(), opaque: new Set(), contents: new Map() }
}

function nodeOf(header: TarHeader, nodes: ReadonlyMap<string, FileNode>): FileNode {
  const { type, mode, uid, gid, size, mtime, linkPath, xattrs } = header
  if (type === 'hardlink') {
    const target = nodes.get(normalizeEntryPath(linkPath ?? ''))
    if (target !== undefined) return target
  }
  return {
    type: type === 'hardlink' ? 'file' : type,
    mode,
    uid,
    gid,
    size,
    mtime,
    ...(type === 'symlink' && linkPath !== undefined ? { target: linkPath } : {}),
    ...(xattrs === undefined ? {} : { xattrs }),
  }
}
