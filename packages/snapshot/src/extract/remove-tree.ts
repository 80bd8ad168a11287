import { lstatSync, rmSync, type Stats } from 'node:fs'
import { pathThrough, splitPath } from './entry-name.ts'

/** What is at the last name of a path inside an open directory, itself if it is a symbolic link; undefined when nothing is. */
export function statAt(directory: number, path: string): Stats | undefined {
  return lstatSync(nodePath(directory, splitPath(path).name), { throwIfNoEntry: false })
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
