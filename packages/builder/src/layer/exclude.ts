import { type IgnoreMatcher, parseIgnoreFile } from '@gantry/dockerfile'
import { BuildError } from '../build-error.ts'
import type { CopySourceFile } from './copy-sources.ts'

/** Patterns of `--exclude`, which are those of ignore files. @throws BuildError ARGUMENT_INVALID */
export function parseExcludes(patterns: readonly string[]): IgnoreMatcher | undefined {
  if (patterns.length === 0) return undefined
  try {
    // At the start of a line in a file, `#` would be a comment.
    return parseIgnoreFile(patterns.map((pattern) => pattern.replace(/^#/, '[#]')).join('\n'))
  } catch (cause) {
    throw new BuildError('ARGUMENT_INVALID', `Cannot exclude "${patterns.join(' ')}": a pattern is malformed`, {
      cause,
    })
  }
}

/**
 * A source without what is excluded: of a directory, by the path in it; of a file, by its name or its whole path. Undefined when nothing
 * is left of it.
 */
export function without(source: CopySourceFile, excludes: IgnoreMatcher | undefined): CopySourceFile | undefined {
  if (excludes === undefined) return source
  if (source.node.type !== 'directory') {
    return excludes.ignores(source.name) || excludes.ignores(source.path) ? undefined : source
  }
  return { ...source, children: source.children.filter(([path]) => !excludes.ignores(path)) }
}
