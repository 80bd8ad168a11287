import { constants, copyFileSync, statSync, type Stats } from 'node:fs'
import {
  chmodAt,
  chownAt,
  closeDescriptor,
  errorCode,
  getAttribute,
  linkAt,
  listAttributes,
  openBeneath,
  setAttribute,
  setTimesAt,
} from '@gantry/linux'
import type { OverlayFormat } from '../overlay-format.ts'
import { SnapshotError } from '../snapshot-error.ts'
import { DirectoryCache } from './directory-cache.ts'
import { nativeName, pathThrough, splitPath } from './entry-name.ts'
import type { Extracted } from './extractor.ts'

/** Something found in a lower layer; to be closed. */
interface Found {
  readonly fd: number
  readonly stats: Stats
}

/**
 * Completes an extracted layer with what it takes from the layers below (topmost first): directories that it used without
 * describing them get the owner, mode, time and attributes they have there, and files that it only links to are copied up.
 *
 * @throws SnapshotError LAYER_INVALID: a hard link leads to a file that no layer has
 */
export function inherit(
  root: number,
  lowers: readonly number[],
  options: { readonly extracted: Extracted; readonly format: OverlayFormat },
): void {
  const { extracted, format } = options
  const directories = new DirectoryCache(root)
  try {
    for (const link of extracted.links) linkFromBelow(link, { directories, lowers, format })
    // Children first: completing a directory does not change its parent's time, but making one has.
    const implied = new Set([...extracted.implied, ...directories.implied])
    for (const path of [...implied].toSorted().toReversed()) takeAfter(path, { directories, lowers, format })
  } finally {
    directories.close()
  }
}

interface Below {
  readonly directories: DirectoryCache
  readonly lowers: readonly number[]
  readonly format: OverlayFormat
}

function takeAfter(path: string, { directories, lowers, format }: Below): void {
  const { parent, name } = splitPath(path)
  const directory = directories.find(parent)
  const found = findBelow(lowers, path)
  if (found === undefined) return
  try {
    if (directory === undefined || !found.stats.isDirectory()) return
    describeLike(found, { directory, name, format })
  } finally {
    closeDescriptor(found.fd)
  }
}

function linkFromBelow(link: { readonly path: string; readonly target: string }, below: Below): void {
  const found = findBelow(below.lowers, link.target)
  const problem = `Cannot unpack "${link.path}": it is a hard link to "${link.target}"`
  if (found === undefined) throw new SnapshotError('LAYER_INVALID', `${problem}, which no layer has`)
  try {
    if (!found.stats.isFile()) throw new SnapshotError('LAYER_INVALID', `${problem}, which is not a file`)
    const target = splitPath(link.target)
    const from = below.directories.ensure(target.parent)
    const copy = pathThrough(from, target.name)
    copyFileSync(
      `/proc/self/fd/${String(found.fd)}`,
      typeof copy === 'string' ? copy : Buffer.from(copy.subarray(0, -1)),
      constants.COPYFILE_FICLONE,
    )
    describeLike(found, { directory: from, name: target.name, format: below.format })
    const place = splitPath(link.path)
    linkAt(from, nativeName(target.name), below.directories.ensure(place.parent), nativeName(place.name))
  } finally {
    closeDescriptor(found.fd)
  }
}

function findBelow(lowers: readonly number[], path: string): Found | undefined {
  for (const lower of lowers) {
    try {
      const fd = openBeneath(lower, nativeName(path), { noSymlinks: true })
      const stats = statSync(`/proc/self/fd/${String(fd)}`)
      // A whiteout hides what lies further down.
      if (stats.isCharacterDevice() && stats.rdev === 0) {
        closeDescriptor(fd)
        return undefined
      }
      return { fd, stats }
    } catch (error) {
      if (errorCode(error) === 'ENOENT') continue
      // A file or a symbolic link where the path goes on: nothing of that name further down is visible.
      if (['ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')) return undefined
      throw error
    }
  }
  return undefined
}

function describeLike(
  found: Found,
  at: { readonly directory: number; readonly name: string; readonly format: OverlayFormat },
): void {
  const name = nativeName(at.name)
  if (at.format.owners) chownAt(at.directory, name, found.stats.uid, found.stats.gid)
  chmodAt(at.directory, name, found.stats.mode & 0o7777)
  const from = `/proc/self/fd/${String(found.fd)}/.`
  const source = found.stats.isDirectory() ? from : undefined
  for (const attribute of source === undefined ? [] : listAttributes(source)) {
    const value = getAttribute(from, attribute)
    if (value === undefined || attribute.startsWith(at.format.privateXattrs)) continue
    setAttribute(pathThrough(at.directory, at.name), attribute, value)
  }
  setTimesAt(at.directory, name, found.stats.mtimeMs / 1000)
}
