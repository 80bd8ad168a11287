import { posix } from 'node:path'
import { normalizeEntryPath, type TarHeader } from '@gantry/tar'
import { BaseError } from '../base-error.ts'

/** A file, directory or link of an image that is being put together. */
export interface TreeNode {
  readonly header: TarHeader
  /** Bytes of a file: at hand, where they lie among those that were unpacked, or in a file of this machine. */
  readonly content?: Uint8Array | { readonly offset: number } | { readonly file: string }
  /** The package it came with (or `/node`, `/files`), undefined for what was made here. */
  readonly owner: string | undefined
}

const most = 40

/**
 * The files of an image by path, without a slash before it. Links to directories are followed, so that a package's
 * `lib/x` lands in `usr/lib/x` where `lib` is a link.
 */
export class RootTree {
  readonly #nodes = new Map<string, TreeNode>()

  get(path: string): TreeNode | undefined {
    return this.#nodes.get(this.resolve(path))
  }

  has(path: string): boolean {
    return this.get(path) !== undefined
  }

  /** All of it, sorted by path: what is in a directory comes after it. */
  entries(): readonly TreeNode[] {
    return [...this.#nodes].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, node]) => node)
  }

  /** Names in a directory, sorted. */
  list(directory: string): readonly string[] {
    const prefix = `${this.follow(directory)}/`
    const names = [...this.#nodes.keys()].filter((path) => path.startsWith(prefix))
    return names
      .map((path) => path.slice(prefix.length))
      .filter((name) => !name.includes('/'))
      .toSorted()
  }

  /** Where a path lies when the links of the directories above it are followed; the last part is not. */
  resolve(path: string): string {
    return this.#walk(path, false)
  }

  /** Where a path leads when it is a link itself. */
  follow(path: string): string {
    return this.#walk(path, true)
  }

  #walk(path: string, followLast: boolean): string {
    let todo = normalizeEntryPath(path)
      .split('/')
      .filter((part) => part !== '' && part !== '.')
    let done = ''
    for (let links = 0; todo.length > 0;) {
      const [part = '', ...rest] = todo
      if (part === '..') {
        done = done.includes('/') ? done.slice(0, done.lastIndexOf('/')) : ''
        todo = rest
        continue
      }
      const here = done === '' ? part : `${done}/${part}`
      const node = this.#nodes.get(here)
      todo = rest
      if (node?.header.type !== 'symlink' || (rest.length === 0 && !followLast)) {
        done = here
        continue
      }
      links += 1
      if (links > most)
        throw new BaseError('PACKAGE_INVALID', `Cannot put "${path}" into the image: its links go in circles`)
      const target = node.header.linkPath ?? ''
      if (target.startsWith('/')) done = ''
      todo = [...target.split('/').filter((each) => each !== '' && each !== '.'), ...rest]
    }
    return done
  }

  /** Puts something at a path, in place of what is there. Directories above it are made. */
  put(node: TreeNode): void {
    const path = this.resolve(node.header.path)
    if (path === '') return
    this.#parents(path, node)
    this.#nodes.set(path, { ...node, header: { ...node.header, path } })
  }

  #parents(path: string, { owner, header }: TreeNode): void {
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
      const above = path.slice(0, at)
      const found = this.#nodes.get(above)
      if (found === undefined) this.#nodes.set(above, { owner, header: directoryHeader(above, header.mtime) })
      else if (found.header.type !== 'directory') {
        const message = `Cannot put "/${path}" into the image: "/${above}" is no directory`
        throw new BaseError('PACKAGES_CONFLICT', message)
      }
    }
  }

  remove(path: string): void {
    this.#nodes.delete(this.resolve(path))
  }
}

function directoryHeader(path: string, mtime: number): TarHeader {
  return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime }
}

/** The path that a link at a path leads to, without a slash before it. */
export function linkTarget(path: string, target: string): string {
  const whole = target.startsWith('/') ? target : posix.join('/', posix.dirname(path), target)
  return posix.normalize(whole).slice(1)
}
