/** What a file is and has, without its content. Paths and targets hold other bytes than UTF-8 as `@gantry/tar` does. */
export interface FileNode {
  readonly type: 'file' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo' | 'socket'
  /** Permission bits with set-user-ID, set-group-ID and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of a file's content; 0 for everything else. */
  readonly size: number
  /** Seconds since 1970, perhaps with a fraction. */
  readonly mtime: number
  /** Where a symbolic link points. */
  readonly target?: string
  readonly devMajor?: number
  readonly devMinor?: number
  readonly xattrs?: Readonly<Record<string, Uint8Array>>
  /** A directory that is there only because something is in it: it says nothing of a directory that exists. */
  readonly implied?: boolean
  /** Equal for names of one file (hard links); missing when a file has one name. */
  readonly link?: string
}

/** A place in which paths can be looked up; paths are relative to its root, without `.` and `..`, `''` is the root. */
export interface Lookup {
  /** The node itself, links not followed; undefined when there is none. */
  lstat(path: string): FileNode | undefined
}

/** A lookup from which small files can be read. */
export interface Readable extends Lookup {
  /** The content of a file of at most 1 MiB, links not followed; undefined when there is no such file. */
  readSmall(path: string): Promise<Uint8Array | undefined>
}

/** How a file of a tree is read. */
export interface OpenFileOptions {
  /** Each chunk may be in the memory of the one before: for whoever is done with it when the next one is asked for. */
  readonly lent?: boolean
  /** The sha256 (hex) that the content was found to have. It is compared where the file's times would not show every change. */
  readonly digest?: string
}

/** A tree of files to copy from. */
export interface Tree extends Readable {
  /** Names in a directory, sorted by their bytes. */
  list(path: string): readonly string[]
  /**
   * The content of a file, which must still be the one that `node` describes.
   * @throws BuildError SOURCE_CHANGED, SOURCE_UNREADABLE
   */
  open(path: string, node: FileNode, options?: OpenFileOptions): AsyncIterable<Uint8Array>
  /** The sha256 of the content, in hex, at once when it is remembered. @throws BuildError SOURCE_CHANGED, SOURCE_UNREADABLE */
  digest(path: string, node: FileNode): Promise<string> | string
}

/** A lookup with nothing in it: the root of `FROM scratch`. */
export const emptyLookup: Readable = {
  lstat: () => undefined,
  readSmall: async () => undefined,
}
