import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes on disk below a directory, a file of several names counted once; 0 for what is not there. */
export async function directoryBytes(path: string, seen: Set<string> = new Set()): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
    const at = join(path, entry.name)
    const state = await lstat(at).catch(() => undefined)
    if (state === undefined) continue
    if (state.nlink > 1 && !state.isDirectory()) {
      const key = `${state.dev}:${state.ino}`
      if (seen.has(key)) continue
      seen.add(key)
    }
    bytes += state.blocks * 512
    if (state.isDirectory()) bytes += await directoryBytes(at, seen)
  }
  return bytes
}
