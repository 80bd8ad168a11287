import { closeSync, constants, openSync, readSync } from 'node:fs'
import { opaqueName, TarWriter, whiteoutName, type TarHeader } from '@gantry/tar'
import type { DiffCall } from '../worker-calls.ts'
import { Blocks } from './blocks.ts'
import { walkUpper, type UpperEntry } from './walk-upper.ts'

/**
 * The tar of what an upper directory changes, in chunks of 512 KiB: entries in path order, each directory before what is in
 * it, hard links to the first of their names, whiteouts for what was removed. The root itself has no entry. Blocks its thread.
 */
export function* diffUpper(call: DiffCall): Generator<Uint8Array<ArrayBuffer>> {
  const writer = new TarWriter()
  const blocks = new Blocks()
  for (const entry of walkUpper(call.upper, call.format)) {
    if (entry.kind === 'whiteout') {
      yield* blocks.add(writer.header(marker(whiteoutName(entry.path))))
      continue
    }
    yield* blocks.add(writer.header(clamped(entry.header, call.mtime)))
    if (entry.opaque) yield* blocks.add(writer.header(marker(opaqueName(entry.header.path))))
    if (entry.header.type === 'file' && entry.header.size > 0) {
      yield* content(entry, blocks)
      yield* blocks.add(writer.padding(entry.header.size))
    }
  }
  yield* blocks.add(writer.end())
  yield* blocks.rest()
}

function* content(entry: UpperEntry & { readonly kind: 'entry' }, blocks: Blocks): Generator<Uint8Array<ArrayBuffer>> {
  const { size, path } = entry.header
  const fd = openSync(entry.at, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    for (let position = 0; position < size;) {
      const room = blocks.room(size - position)
      const length = readSync(fd, room, 0, room.length, position)
      if (length === 0) throw new Error(`Cannot read "${path}" of the snapshot: it became shorter while it was read`)
      position += length
      yield* blocks.filled(length)
    }
  } finally {
    closeSync(fd)
  }
}

function marker(path: string): TarHeader {
  return { path, type: 'file', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 }
}

function clamped(header: TarHeader, mtime: DiffCall['mtime']): TarHeader {
  return mtime === undefined || header.mtime <= mtime.after ? header : { ...header, mtime: mtime.becomes }
}
