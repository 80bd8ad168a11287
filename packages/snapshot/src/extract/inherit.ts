import { constants, copyFileSync, fchmodSync, fchownSync, statSync, type Stats } from 'node:fs'
import {
  chmodAt,
  chownAt,
  closeDescriptor,
  createAt,
  errorCode,
  getAttribute,
  linkAt,
  listAttributes,
  openBeneath,
  setAttribute,
  setTimes,
  setTimesAt,
} from '@gantry/linux'
import type { OverlayFormat } from '../overlay-format.ts'
import { SnapshotError } from '../snapshot-error.ts'
import { DirectoryCache } from './directory-cache.ts'
import { nativeName, splitPath } from './entry-name.ts'
import type { Extracted } from './extractor.ts'
import { isWhiteout } from './remove-tree.ts'

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
  const directories = new DirectoryCache(root, format)
  try {
    const copies = new Map<string, string>()
    for (const link of extracted.links) linkFromBelow(link, { directories, lowers, format, copies })
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
  const found = findBelow(lowers, path, format)
  if (found === undefined) return
  try {
    // A later entry may have put a symbolic link in its place, by another path: what that leads to is not described.
    const own = directory === undefined ? undefined : openDirectory(directory, name)
    if (own === undefined) return
    try {
      if (found.stats.isDirectory()) describeLike(found, own, format)
    } finally {
      closeDescriptor(own)
    }
  } finally {
    closeDescriptor(found.fd)
  }
}

/**
 * Copies the file up to the link, and links what it leads to, unless the layer has something of its own there: that came later.
 * `copies` says which link has the copy of a target.
 */
function linkFromBelow(
  link: { readonly path: string; readonly target: string },
  { directories, lowers, format, copies }: Below & { readonly copies: Map<string, string> },
): void {
  const place = splitPath(link.path)
  const first = copies.get(link.target)
  if (first !== undefined) {
    const copy = splitPath(first)
    const from = directories.find(copy.parent)
    if (from !== undefined)
      linkAt(from, nativeName(copy.name), directories.ensure(place.parent), nativeName(place.name))
    return
  }
  const found = findBelow(lowers, link.target, format)
  const problem = `Cannot unpack "${link.path}": it is a hard link to "${link.target}"`
  if (found === undefined) throw new SnapshotError('LAYER_INVALID', `${problem}, which no layer has`)
  try {
    if (!found.stats.isFile()) throw new SnapshotError('LAYER_INVALID', `${problem}, which is not a file`)
    // Made anew and never opened by its name again: an entry of the layer cannot lead the copy anywhere else.
    const fd = createAt(directories.ensure(place.parent), nativeName(place.name), 0o600)
    if (fd === undefined) return
    try {
      copyFileSync(`/proc/self/fd/${String(found.fd)}`, `/proc/self/fd/${String(fd)}`, constants.COPYFILE_FICLONE)
      if (format.owners) fchownSync(fd, found.stats.uid, found.stats.gid)
      fchmodSync(fd, found.stats.mode & 0o7777)
      setTimes(fd, found.stats.mtimeMs / 1000)
    } finally {
      closeDescriptor(fd)
    }
    copies.set(link.target, link.path)
    // What the layer's own opaque directory hides does not come back.
    if (isHidden(directories.root, link.target, format)) return
    const target = splitPath(link.target)
    const parent = directories.ensure(target.parent)
    linkAt(directories.ensure(place.parent), nativeName(place.name), parent, nativeName(target.name))
  } finally {
    closeDescriptor(found.fd)
  }
}

function findBelow(lowers: readonly number[], path: string, format: OverlayFormat): Found | undefined {
  for (const lower of lowers) {
    try {
      const fd = openBeneath(lower, nativeName(path), { noSymlinks: true })
      const stats = statSync(`/proc/self/fd/${String(fd)}`)
      if (!isWhiteout(stats)) return { fd, stats }
      // It hides what lies further down.
      closeDescriptor(fd)
      return undefined
    } catch (error) {
      // A file or a symbolic link where the path goes on: nothing of that name further down is visible.
      if (['ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')) return undefined
      if (errorCode(error) !== 'ENOENT') throw error
    }
    if (isHidden(lower, path, format)) return undefined
  }
  return undefined
}

/** Whether a directory of a path hides what lies below this layer. */
function isHidden(lower: number, path: string, format: OverlayFormat): boolean {
  for (let { parent } = splitPath(path); parent !== '.'; { parent } = splitPath(parent)) {
    const fd = openDirectory(lower, parent)
    if (fd === undefined) continue
    const value = getAttribute(`/proc/self/fd/${String(fd)}/.`, format.opaqueXattr)
    closeDescriptor(fd)
    if (value?.[0] === 0x79) return true
  }
  return false
}

/** The directory at a path, if it is one and no symbolic link leads there. */
function openDirectory(directory: number, path: string): number | undefined {
  try {
    return openBeneath(directory, nativeName(path), { directory: true, noSymlinks: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}

function describeLike(found: Found, directory: number, format: OverlayFormat): void {
  if (format.owners) chownAt(directory, '.', found.stats.uid, found.stats.gid)
  chmodAt(directory, '.', found.stats.mode & 0o7777)
  const from = `/proc/self/fd/${String(found.fd)}/.`
  for (const attribute of listAttributes(from)) {
    const value = getAttribute(from, attribute)
    if (value === undefined || attribute.startsWith(format.privateXattrs)) continue
    setAttribute(`/proc/self/fd/${String(directory)}/.`, attribute, value)
  }
  setTimesAt(directory, '.', found.stats.mtimeMs / 1000)
}
