import { closeSync, constants, lstatSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const longestPath = 3800

/** Bytes on disk under a directory, each hard-linked file once, however deep it is. What vanishes meanwhile is not counted. */
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
    if (stats.isDirectory()) within(path, (at) => readdirSync(at).forEach((name) => visit(join(at, name))))
  }
  visit(directory)
  return bytes
}

// A program may nest directories deeper than a path can be long: then the way on starts at a descriptor.
function within(path: string, work: (at: string) => void): void {
  if (Buffer.byteLength(path) < longestPath) {
    work(path)
    return
  }
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    work(`/proc/self/fd/${String(fd)}`)
  } finally {
    closeSync(fd)
  }
}
