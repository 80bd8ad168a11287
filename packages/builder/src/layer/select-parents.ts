import { parseIgnoreFile, type PathPattern } from '@gantry/dockerfile'
import { BuildError } from '../build-error.ts'
import { walk } from '../files/directory-tree.ts'
import type { FileNode, Tree } from '../files/node.ts'
import { ancestorsOf, childPath } from '../files/resolve-path.ts'
import type { CopySourceFile } from './copy-sources.ts'

/** Whether a path is chosen by a pattern, by itself or with a directory above it. */
type Chooser = Pick<PathPattern, 'matches' | 'wildcard'>

/**
 * What a source of `COPY --parents` names: everything that it matches (with `**` for any depth), with the directories above it up to
 * the pivot `/./`, or up to the root of the tree. Links are copied, not followed.
 * Undefined when a wildcard matches nothing.
 * @throws BuildError SOURCE_UNKNOWN (a plain path that is missing), ARGUMENT_INVALID
 */
export function selectWithParents(tree: Tree, source: string, what: string): CopySourceFile | undefined {
  const pivot = source.indexOf('/./')
  const base = clean(pivot === -1 ? '' : source.slice(0, pivot))
  const pattern = clean(pivot === -1 ? source : source.slice(pivot + 3))
  const root = base === '' ? tree.lstat('') : tree.lstat(base)
  const missing = (): never => {
    throw new BuildError('SOURCE_UNKNOWN', `Cannot copy "${source}": it is not in ${what}`, {
      hint: 'check the path, and what the ignore file leaves out',
    })
  }
  if (root?.type !== 'directory') return missing()
  const chosen = new Map<string, FileNode>()
  const choose = (path: string): void => {
    for (const each of [...ancestorsOf(path), path]) {
      const node = tree.lstat(childPath(base, each))
      if (node !== undefined) chosen.set(each, node)
    }
  }
  const chooser = chooserOf(pattern, source)
  const prefix = base === '' ? 0 : base.length + 1
  if (pattern === '') for (const [path] of walk(tree, base)) choose(path.slice(prefix))
  else if (!chooser.wildcard) {
    const node = tree.lstat(childPath(base, pattern))
    if (node === undefined) return missing()
    choose(pattern)
    if (node.type === 'directory') for (const [path] of walk(tree, childPath(base, pattern))) choose(path.slice(prefix))
  } else {
    for (const [path] of walk(tree, base)) if (chooser.matches(path.slice(prefix))) choose(path.slice(prefix))
  }
  // A wildcard that matches nothing is no source.
  if (chosen.size === 0 && chooser.wildcard) return undefined
  return { name: '', path: base, node: root, children: [...chosen] }
}

function clean(path: string): string {
  const elements: string[] = []
  for (const element of path.split('/')) {
    if (element === '..') elements.pop()
    else if (element !== '' && element !== '.') elements.push(element)
  }
  return elements.join('/')
}

/** Patterns here have `**`, as those of ignore files do; what is below a match is taken too. */
function chooserOf(pattern: string, source: string): Chooser {
  const wildcard = /[*?[\\]/.test(pattern)
  if (!wildcard) return { wildcard, matches: () => false }
  try {
    // At the start of a line in a file, `#` and `!` would mean something else.
    const matcher = parseIgnoreFile(pattern.replace(/^[#!]/, '[$&]'))
    return { wildcard, matches: (path) => matcher.ignores(path) }
  } catch (cause) {
    throw new BuildError('ARGUMENT_INVALID', `Cannot copy "${source}": the pattern is malformed`, { cause })
  }
}
