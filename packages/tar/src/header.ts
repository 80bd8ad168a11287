/** The kinds of things a tar entry can be. */
export type TarType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo'

/** Bytes of a sparse file that are stored; what lies between is a hole. */
export interface SparseSegment {
  readonly offset: number
  readonly length: number
}

/**
 * An entry's metadata. Texts hold what UTF-8 can say; other bytes appear as lone surrogates U+DC80 to U+DCFF, which
 * `encodeText` turns back into those bytes.
 */
export interface TarHeader {
  /** As written in the archive, without the slash at a directory's end; see `normalizeEntryPath`. */
  readonly path: string
  readonly type: TarType
  /** Permission bits with set-user-ID, set-group-ID and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of the body, holes of a sparse file included; 0 for everything but files. */
  readonly size: number
  /** Seconds since 1970, perhaps with a fraction. */
  readonly mtime: number
  /** Target of a symbolic link, or the path of an earlier entry for a hard link. */
  readonly linkPath?: string
  readonly uname?: string
  readonly gname?: string
  readonly devMajor?: number
  readonly devMinor?: number
  /** Extended attributes by full name, such as `security.capability`. */
  readonly xattrs?: Readonly<Record<string, Uint8Array>>
  /** Of a sparse file: what is stored, ascending. The body is the whole file all the same. */
  readonly sparse?: readonly SparseSegment[]
}

/** The size of everything in an archive is a multiple of this. */
export const blockBytes = 512
