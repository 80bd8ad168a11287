import type { TarHeader, TarInput } from '@gantry/tar'

/** What an entry may have beyond its path: mode, and owner (root unless said). */
export interface EntryOptions {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
}

/** Makes the entries of a layer that Gantry writes itself; all bear one time (seconds since 1970). */
export interface EntryMaker {
  directory(path: string, options?: EntryOptions): TarInput
  file(path: string, content: string | Uint8Array, options?: EntryOptions): TarInput
  /** A file whose bytes come from elsewhere. */
  stream(path: string, size: number, body: AsyncIterable<Uint8Array>, options?: EntryOptions): TarInput
  symlink(path: string, target: string): TarInput
}

/** Makes an {@link EntryMaker} for one time. */
export function entryMaker(mtime: number): EntryMaker {
  const header = (type: TarHeader['type'], path: string, mode: number, options: EntryOptions = {}): TarHeader => ({
    path,
    type,
    mode: options.mode ?? mode,
    uid: options.uid ?? 0,
    gid: options.gid ?? 0,
    size: 0,
    mtime,
  })
  return {
    directory: (path, options) => ({ header: header('directory', path, 0o755, options) }),
    file(path, content, options) {
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
      return { header: { ...header('file', path, 0o644, options), size: bytes.length }, body: [bytes] }
    },
    stream: (path, size, body, options) => ({ header: { ...header('file', path, 0o644, options), size }, body }),
    symlink: (path, target) => ({ header: { ...header('symlink', path, 0o777), linkPath: target } }),
  }
}
