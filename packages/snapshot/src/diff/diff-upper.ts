import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { errorCode } from '@gantry/linux'
import { opaqueName, TarWriter, whiteoutName, type TarHeader } from '@gantry/tar'
import type { DiffCall } from '../worker-calls.ts'
import { Blocks } from './blocks.ts'
import { walkUpper, type UpperEntry } from './walk-upper.ts'

/**
 * The tar of what an upper directory changes, in chunks of 512 KiB: entries in path order, each directory before what is in
 * it, hard links to the first of their names, whiteouts for what was removed. The root itself has no entry. Blocks its thread.
 */
export function* diffUpper(call: DiffCall): Generator<Uint8Array<ArrayBuffer>> {
  yield* tarOf(walkUpper(call.upper, call.format), call.mtime === undefined ? {} : { mtime: call.mtime })
}

/**
 * The tar of entries that are walked. With `live`, somebody may be writing: a file that becomes shorter while it is read ends
 * in zeros, as with other programs that read a moving tree; without it that is an error.
 */
export function* tarOf(
  entries: Iterable<UpperEntry>,
  { mtime, live = false }: { readonly mtime?: DiffCall['mtime']; readonly live?: boolean } = {},
): Generator<Uint8Array<ArrayBuffer>> {
  const writer = new TarWriter()
  const blocks = new Blocks()
  for (const entry of entries) {
    if (entry.kind === 'whiteout') {
      yield* blocks.add(writer.header(marker(whiteoutName(entry.path))))
      continue
    }
    const fd = entry.header.type === 'file' && entry.header.size > 0 ? openFile(entry.at) : undefined
    if (fd === undefined && entry.header.type === 'file' && entry.header.size > 0) {
      if (live) continue
      throw new Error(`Cannot read "${entry.header.path}" of the snapshot: it went away while it was read`)
    }
    try {
      yield* blocks.add(writer.header(clamped(entry.header, mtime)))
      if (entry.opaque) yield* blocks.add(writer.header(marker(opaqueName(entry.header.path))))
      if (fd !== undefined) {
        yield* content(fd, entry.header, { blocks, live })
        yield* blocks.add(writer.padding(entry.header.size))
      }
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  }
  yield* blocks.add(writer.end())
  yield* blocks.rest()
}

const O_PATH = 0o10000000

/** Opens a file that is still one. A pipe or a device put in its place is never opened: that alone may block or do something. */
function openFile(at: string | Buffer): number | undefined {
  try {
    const reference = openSync(at, O_PATH | constants.O_NOFOLLOW)
    try {
      return fstatSync(reference).isFile()
        ? openSync(`/proc/self/fd/${String(reference)}`, constants.O_RDONLY)
        : undefined
    } finally {
      closeSync(reference)
    }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}

function* content(
  fd: number,
  { size, path }: TarHeader,
  { blocks, live }: { readonly blocks: Blocks; readonly live: boolean },
): Generator<Uint8Array<ArrayBuffer>> {
  for (let position = 0; position < size;) {
    const room = blocks.room(size - position)
    let length = readSync(fd, room, 0, room.length, position)
    if (length === 0) {
      if (!live) throw new Error(`Cannot read "${path}" of the snapshot: it became shorter while it was read`)
      room.fill(0)
      length = room.length
    }
    position += length
    yield* blocks.filled(length)
  }
}

function marker(path: string): TarHeader {
  return { path, type: 'file', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 }
}

function clamped(header: TarHeader, mtime: DiffCall['mtime']): TarHeader {
  return mtime === undefined || header.mtime <= mtime.after ? header : { ...header, mtime: mtime.becomes }
}
