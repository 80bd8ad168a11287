import { cleanPath, parsePathPattern, type PathPattern } from '@gantry/dockerfile'
import { BuildError } from '../build-error.ts'
import type { FileNode, Tree } from '../files/node.ts'
import { childPath, resolvePath, splitPath } from '../files/resolve-path.ts'
import { walk } from '../files/directory-tree.ts'

/** One thing to copy: a file, or a directory of which the content is copied. */
export interface CopySourceFile {
  /** The name it has at its destination when that is a directory. */
  readonly name: string
  /** Where it is in the tree, links followed. */
  readonly path: string
  readonly node: FileNode
  /** What is in it, by path relative to it, directories before their content; empty for files. */
  readonly children: readonly (readonly [string, FileNode])[]
}

/**
 * What a source of COPY names in a tree. Links in it are followed within the tree, and a link it ends in too; links below a copied
 * directory are copied as links. A wildcard that matches nothing is no source; a plain path that is missing is an error.
 * @throws BuildError SOURCE_UNKNOWN, ARGUMENT_INVALID (a malformed pattern)
 */
export function selectSources(tree: Tree, source: string, what: string): CopySourceFile[] {
  const path = cleanPath(`/${source}`).slice(1)
  const elements = path.split('/')
  const wild = elements.findIndex(hasWildcard)
  if (wild === -1) return [selectPath(tree, path, what)]
  const directory = resolvePath(tree, elements.slice(0, wild).join('/'), { followLast: true })
  const pattern = parsePathPattern(elements.slice(wild).join('/'))
  if (pattern === undefined) {
    throw new BuildError('ARGUMENT_INVALID', `Cannot copy "${source}": the pattern is malformed`, {
      hint: 'close every "[" and escape nothing at the end',
    })
  }
  return matches(tree, directory, '', pattern, elements.length - wild).map((found) => selectPath(tree, found, what))
}

/** Whether a path element has a wildcard that is not escaped. */
function hasWildcard(element: string): boolean {
  return /^(?:[^\\]|\\.)*?[*?[]/s.test(element)
}

function matches(tree: Tree, directory: string, relative: string, pattern: PathPattern, depth: number): string[] {
  const found: string[] = []
  for (const name of tree.list(directory)) {
    const path = childPath(directory, name)
    const inside = childPath(relative, name)
    // Wildcards never match a slash, so a match has exactly as many elements as the pattern.
    if (depth === 1) {
      if (pattern.matches(inside)) found.push(path)
    } else if (tree.lstat(path)?.type === 'directory') {
      found.push(...matches(tree, path, inside, pattern, depth - 1))
    }
  }
  return found
}

/** A path of a tree as a source; links in it are followed within the tree. @throws BuildError SOURCE_UNKNOWN */
export function selectPath(tree: Tree, path: string, what: string): CopySourceFile {
  const resolved = resolvePath(tree, path, { followLast: true })
  const node = tree.lstat(resolved)
  if (node === undefined) {
    throw new BuildError('SOURCE_UNKNOWN', `Cannot copy "${path === '' ? '.' : path}": it is not in ${what}`, {
      hint:
        what === 'the build context'
          ? 'check the path, which is relative to the context, and .dockerignore'
          : undefined,
    })
  }
  const prefix = resolved === '' ? 0 : resolved.length + 1
  const children =
    node.type === 'directory'
      ? Array.from(walk(tree, resolved), (entry) =>
          prefix === 0 ? entry : ([entry[0].slice(prefix), entry[1]] as const),
        )
      : []
  return { name: splitPath(path).name, path: resolved, node, children }
}
