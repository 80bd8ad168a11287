import { sortedEntries } from '../layer/write-layer.ts'
import type { PlannedEntry } from '../layer/layer-plan.ts'
import { cacheKey, type KeyField, KeyFieldList } from './key.ts'

/** Changes when steps come to mean something else, so that layers of an older Gantry are not taken for this one's. */
export const stepVersion = 1

/** The key of a layer by everything that will be in it: the same entries always make the same layer. */
export function layerKey(entries: ReadonlyMap<string, PlannedEntry>): string {
  const sorted = sortedEntries(entries)
  return cacheKey(['layer', stepVersion, new KeyFieldList(entries.size, () => fieldsOf(sorted))])
}

function* fieldsOf(entries: Iterable<readonly [string, PlannedEntry]>): Generator<KeyField> {
  const links = new Map<string, string>()
  for (const [path, entry] of entries) {
    const first = entry.link === undefined ? undefined : (links.get(entry.link) ?? path)
    if (entry.link !== undefined && first !== undefined) links.set(entry.link, first)
    const { type, mode, uid, gid, size, mtime, target, devMajor, devMinor, xattrs } = entry
    yield [path, type, mode, uid, gid, size, mtime, target, devMajor, devMinor, xattrs, first, entry.content?.digest]
  }
}
