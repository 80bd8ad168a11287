import { BuildError } from '../build-error.ts'
import type { Lookup } from './node.ts'

const mostLinks = 255
/** What Linux takes: bytes of a path and of one name in it. */
const longestPath = 4095
const longestName = 255

/**
 * Follows the links in a path as if the lookup were the root file system: an absolute target starts at its root, `..`
 * stops there. What does not exist is kept as written. Returns a path relative to the root, `''` for the root itself.
 * @throws BuildError DESTINATION_INVALID when links run in circles, or the path is longer than any can be
 */
export function resolvePath(lookup: Lookup, path: string, options: { readonly followLast: boolean }): string {
  checkLength(path)
  const waiting = elementsOf(path).toReversed()
  const done: string[] = []
  let links = 0
  // How deep something was missing: below it nothing is, and nothing has to be looked up.
  let missing = Infinity
  for (let element = waiting.pop(); element !== undefined; element = waiting.pop()) {
    if (element === '..') {
      done.pop()
      if (done.length <= missing) missing = Infinity
      continue
    }
    const unseen = done.length > missing || (waiting.length === 0 && !options.followLast)
    const node = unseen ? undefined : lookup.lstat([...done, element].join('/'))
    if (node?.type !== 'symlink') {
      if (node === undefined && !unseen) missing = done.length
      done.push(element)
      continue
    }
    links++
    if (links > mostLinks) {
      throw new BuildError('DESTINATION_INVALID', `Cannot follow "${path}": too many symbolic links`)
    }
    const target = node.target ?? ''
    if (target.startsWith('/')) done.length = 0
    waiting.push(...elementsOf(target).toReversed())
  }
  return done.join('/')
}

/** @throws BuildError DESTINATION_INVALID when no file system could have a file of this path */
export function checkLength(path: string): void {
  // Most paths are short: nothing is counted for them.
  if (path.length * 3 <= longestName) return
  const tooLong =
    Buffer.byteLength(path) > longestPath
      ? `it has more than ${longestPath} bytes`
      : path.split('/').some((name) => Buffer.byteLength(name) > longestName)
        ? `a name in it has more than ${longestName} bytes`
        : undefined
  if (tooLong === undefined) return
  const shown = path.length > 80 ? `${path.slice(0, 80)}…` : path
  throw new BuildError('DESTINATION_INVALID', `Cannot use the path "${shown}": ${tooLong}`)
}

function elementsOf(path: string): string[] {
  return path.split('/').filter((element) => element !== '' && element !== '.')
}

/** The directory a path is in and its last element; the root is in itself. */
export function splitPath(path: string): { readonly parent: string; readonly name: string } {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? { parent: '', name: path } : { parent: path.slice(0, slash), name: path.slice(slash + 1) }
}

/** Joins a directory and a name; the root is `''`. */
export function childPath(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`
}

/** All directories above a path, the nearest to the root first, the root itself left out. */
export function ancestorsOf(path: string): string[] {
  const ancestors: string[] = []
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    ancestors.push(path.slice(0, slash))
  }
  return ancestors
}
