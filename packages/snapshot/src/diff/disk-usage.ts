import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Bytes on disk under a directory, each hard-linked file once. What vanishes meanwhile is not counted. */
export function diskUsage(directory: string): number {
  const seen = new Set<bigint>()
  let bytes = 0
  const visit = (path: string): void => {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false })
    if (stats === undefined) return
    if (stats.nlink > 1n && !stats.isDirectory()) {
      if (seen.has(stats.ino)) return
      seen.add(stats.ino)
    }
    bytes += Number(stats.blocks) * 512
    if (stats.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name))
  }
  visit(directory)
  return bytes
}
