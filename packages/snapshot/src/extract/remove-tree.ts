import { lstatSync, rmSync, type Stats } from 'node:fs'
import { pathThrough } from './entry-name.ts'

/** What has a name inside an open directory, itself if it is a symbolic link; undefined when nothing has. */
export function statAt(directory: number, name: string): Stats | undefined {
  return lstatSync(nodePath(directory, name), { throwIfNoEntry: false })
}

/** Whether something says, as overlay writes it, that what the layers below have here is gone. */
export function isWhiteout(stats: Stats | undefined): boolean {
  return stats?.isCharacterDevice() === true && stats.rdev === 0
}

/** Removes a name inside an open directory, with what is in it; symbolic links are not followed. Absence is success. */
export function removeTree(directory: number, name: string): void {
  rmSync(nodePath(directory, name), { recursive: true, force: true })
}

function nodePath(directory: number, name: string): string | Buffer {
  const path = pathThrough(directory, name)
  // Node wants paths as bytes without the NUL that system calls end at.
  return typeof path === 'string' ? path : Buffer.from(path.subarray(0, -1))
}
