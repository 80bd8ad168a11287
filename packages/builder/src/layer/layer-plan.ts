import { BuildError } from '../build-error.ts'
import type { FileNode, Lookup, Tree } from '../files/node.ts'
import { ancestorsOf, checkLength, resolvePath, splitPath } from '../files/resolve-path.ts'

/** Something the layer will hold. */
export interface PlannedEntry extends FileNode {
  /** Where the content of a file is read. */
  readonly content?: EntryContent
}

/** The content of a planned file: out of a tree, or at hand. */
export type EntryContent =
  | {
      readonly kind: 'tree'
      readonly tree: Tree
      readonly path: string
      readonly node: FileNode
      readonly digest: string
    }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly digest: string }

/** What directories get that have to be made on the way. */
export interface DirectoryOptions {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/**
 * A layer that is being thought out over the root file system below it. Nothing is written and no content is read; what
 * has been planned is seen by later look-ups, as if it were there already.
 */
export class LayerPlan implements Lookup {
  readonly #below: Lookup
  readonly #epoch: number
  readonly #entries = new Map<string, PlannedEntry>()

  /** @param epoch the time of what is made, in seconds */
  constructor(below: Lookup, epoch: number) {
    this.#below = below
    this.#epoch = epoch
  }

  lstat(path: string): FileNode | undefined {
    const planned = this.#entries.get(path)
    if (planned !== undefined || path === '') return planned ?? rootNode
    return this.#below.lstat(path)
  }

  /** The path with all links followed within the root. */
  resolve(path: string): string {
    return resolvePath(this, path, { followLast: true })
  }

  /** Makes a directory and what is missing above it; links on the way are followed. Returns its resolved path. */
  makeDirectories(path: string, options: DirectoryOptions): string {
    const resolved = this.resolve(path)
    // In a directory that is made here nothing is yet, and nothing has to be looked up.
    let isNew = false
    for (const directory of [...ancestorsOf(resolved), resolved]) {
      if (directory === '') continue
      const node = isNew ? undefined : this.lstat(directory)
      if (node === undefined) {
        isNew = true
        checkName(directory)
        this.#entries.set(directory, { type: 'directory', ...options, size: 0, mtime: this.#epoch })
      } else if (node.type !== 'directory') {
        throw new BuildError(
          'DESTINATION_INVALID',
          `Cannot make the directory "/${resolved}": "/${directory}" is a ${node.type}`,
        )
      }
    }
    return resolved
  }

  /** Plans an entry at a resolved path. @throws BuildError DESTINATION_INVALID when a file would replace a directory, or no file can have the path */
  put(path: string, entry: PlannedEntry): void {
    checkLength(path)
    checkName(path)
    const there = this.lstat(path)
    if (there !== undefined && (there.type === 'directory') !== (entry.type === 'directory')) {
      throw new BuildError(
        'DESTINATION_INVALID',
        entry.type === 'directory'
          ? `Cannot copy a directory to "/${path}": there is a ${there.type}`
          : `Cannot copy a ${entry.type} to "/${path}": there is a directory`,
        { hint: 'choose another destination, or remove what is there in a RUN before' },
      )
    }
    this.#entries.set(path, entry)
  }

  /**
   * Everything the layer's archive will hold, by path, each directory before what is in it. Directories on the way to
   * something new are there with the attributes they have: unpacking must not change them.
   */
  entries(): ReadonlyMap<string, PlannedEntry> {
    const above = new Map<string, PlannedEntry>()
    for (const path of this.#entries.keys()) {
      const { parent } = splitPath(path)
      for (let directory = parent; directory !== ''; directory = splitPath(directory).parent) {
        const known = this.#entries.get(directory) ?? above.get(directory)
        const node = known ?? this.#below.lstat(directory)
        if (node?.type === 'directory' && !this.#entries.has(directory)) {
          // A directory in which something was made has a new time, as on a disk.
          above.set(directory, directory === parent ? { ...node, mtime: this.#epoch } : node)
        }
        // Those above it are there already, or come with it.
        if (known !== undefined) break
      }
    }
    // Mostly there are none, and a copy of a hundred thousand entries takes room.
    return above.size === 0 ? this.#entries : new Map([...this.#entries, ...above])
  }
}

const rootNode: FileNode = { type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 }

/** @throws BuildError DESTINATION_INVALID when the name means something else in a layer */
function checkName(path: string): void {
  if (splitPath(path).name.startsWith('.wh.')) {
    throw new BuildError(
      'DESTINATION_INVALID',
      `Cannot put "/${path}" into a layer: names with ".wh." mean deleted files there`,
      {
        hint: 'rename it, or name it in .dockerignore',
      },
    )
  }
}
