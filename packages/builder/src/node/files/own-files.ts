import { posix } from 'node:path'
import { BuildError } from '../../build-error.ts'
import type { FileNode, Tree } from '../../files/node.ts'
import { childPath } from '../../files/resolve-path.ts'
import { isNeverShipped, isUnneeded } from './never-shipped.ts'
import { parseFileList, parseNpmIgnore } from './npm-ignore.ts'

/** Which files of a package are meant. */
export interface OwnFilesOptions {
  /** The package's directory in the tree. */
  readonly directory: string
  /** Directories of other packages, which are not part of this one. */
  readonly others: ReadonlySet<string>
  /** `all` for building; `shipped` is what the image gets. */
  readonly scope: 'all' | 'shipped'
  /** Instead of `.npmignore`: what is shipped besides `package.json`. */
  readonly files?: readonly string[] | undefined
  /** Shipped whatever `files` says. */
  readonly always?: readonly string[]
}

/** A file or link of the project itself. */
export interface OwnFile {
  /** Relative to the project's root. */
  readonly path: string
  readonly node: FileNode
}

/**
 * The files and links of one of the project's packages, sorted by path. What is never shipped is left out; directories come with
 * what is in them. @throws BuildError PROJECT_INVALID for a link that leads out of the project; DockerfileError
 */
export async function ownFiles(tree: Tree, options: OwnFilesOptions): Promise<readonly OwnFile[]> {
  const isShipped = await shippedBy(tree, options)
  const found: OwnFile[] = []
  const visit = (directory: string, isTop: boolean): void => {
    for (const name of tree.list(directory)) {
      const path = childPath(directory, name)
      if (isNeverShipped(name) || options.others.has(path)) continue
      if (isTop && options.scope === 'shipped' && options.files === undefined && isUnneeded(name)) continue
      const node = tree.lstat(path)
      if (node?.type === 'directory') visit(path, false)
      else if (node !== undefined && (node.type === 'file' || node.type === 'symlink')) {
        const inPackage = options.directory === '' ? path : path.slice(options.directory.length + 1)
        if (!isShipped(inPackage)) continue
        if (node.type === 'symlink') checkLink(path, node.target ?? '')
        found.push({ path, node })
      }
    }
  }
  visit(options.directory, true)
  return found
}

async function shippedBy(tree: Tree, options: OwnFilesOptions): Promise<(path: string) => boolean> {
  if (options.scope === 'all') return () => true
  const { directory, files, always = [] } = options
  const manifest = childPath(directory, 'package.json')
  if (files !== undefined) {
    const list = parseFileList(files, manifest)
    const kept = new Set(['package.json', ...always])
    return (path) => kept.has(path) || list.ignores(path)
  }
  const name = childPath(directory, '.npmignore')
  const text = await tree.readSmall(name)
  const ignored = parseNpmIgnore(text === undefined ? '' : Buffer.from(text).toString(), name)
  return (path) => path === 'package.json' || !ignored.ignores(path)
}

function checkLink(path: string, target: string): void {
  const inner = posix.normalize(posix.join(posix.dirname(path), target))
  if (!target.startsWith('/') && inner !== '..' && !inner.startsWith('../')) return
  throw new BuildError(
    'PROJECT_INVALID',
    `Cannot put "${path}" into the image: it is a link to "${target}", which is not in the project`,
    {
      hint: 'copy what it leads to, or name it in .dockerignore',
    },
  )
}
