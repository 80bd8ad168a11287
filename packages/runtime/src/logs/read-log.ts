import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { Changes } from './changes.ts'
import { compareTimes, parseLogLine, type LogEntry } from './log-line.ts'
import { startOfTail } from './start-of-tail.ts'

/** Which part of a log is read. */
export interface ReadLogOptions {
  /** Go on when the end is reached. Default: false. */
  readonly follow?: boolean
  /** With `follow`: the container has ended, so finish when everything that is written has been read. */
  readonly done?: AbortSignal
  /** The last so many lines. Default: all. */
  readonly tail?: number
  /** RFC 3339: lines of this time and later. */
  readonly since?: string
  /** RFC 3339: lines up to this time; reading ends at the first later one. */
  readonly until?: string
  /** Ends at once. */
  readonly signal?: AbortSignal
}

const block = 256 * 1024
const newline = 0x0a
const longestLine = 16 * 1024 * 1024

/**
 * Reads a log in k8s-file form. A log that does not exist yet is empty, and followed from its first line on. Following survives
 * rotation by rename: the old file is read to its end first. Lines that are not of the form are passed over. Holds one block in memory.
 */
export async function* readLog(path: string, options: ReadLogOptions = {}): AsyncGenerator<LogEntry> {
  const changes = options.follow === true ? new Changes(path, [options.done, options.signal]) : undefined
  try {
    let file = await firstLog(path, changes, options)
    if (file === undefined) return
    let offset = options.tail === undefined ? 0 : await startOfTail(file, options.tail)
    for (;;) {
      const reader = readFile(file, offset, options, changes)
      try {
        for (;;) {
          const step = await reader.next()
          if (step.done === true) break
          const entry = step.value
          if (options.since !== undefined && compareTimes(entry.time, options.since) < 0) continue
          if (options.until !== undefined && compareTimes(entry.time, options.until) > 0) return
          yield entry
        }
      } finally {
        await file.close()
      }
      if (changes === undefined || options.signal?.aborted === true) return
      const next = await successor(path, changes, options)
      if (next === undefined) return
      file = next
      offset = 0
    }
  } finally {
    changes?.close()
  }
}

/** Reads from an offset to the end, and further as the file grows, until it is no longer the one at the path. */
async function* readFile(
  file: FileHandle,
  offset: number,
  options: ReadLogOptions,
  changes: Changes | undefined,
): AsyncGenerator<LogEntry> {
  const buffer = Buffer.allocUnsafe(block)
  let rest: Buffer[] = []
  let restSize = 0
  let position = offset
  for (;;) {
    if (options.signal?.aborted === true) return
    // Asked before the read: what was written until then is read below.
    const isLast = changes === undefined || options.done?.aborted === true || (await changes.wasReplaced(file))
    const { bytesRead } = await file.read(buffer, 0, block, position)
    position += bytesRead
    if (bytesRead === 0) {
      if (isLast) return
      await changes.next()
      continue
    }
    let start = 0
    for (let end = buffer.indexOf(newline); end !== -1 && end < bytesRead; end = buffer.indexOf(newline, start)) {
      const tail = buffer.subarray(start, end)
      // A copy: the buffer is used again while the caller may still hold the line.
      const line = Buffer.concat(restSize === 0 ? [tail] : [...rest, tail])
      rest = []
      restSize = 0
      start = end + 1
      const entry = parseLogLine(line)
      if (entry !== undefined) yield entry
    }
    if (start < bytesRead) {
      restSize += bytesRead - start
      if (restSize <= longestLine) rest.push(Buffer.from(buffer.subarray(start, bytesRead)))
    }
  }
}

async function openLog(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The log, when it is there or as soon as it is made; undefined when it is not, and nothing more is to come. */
async function firstLog(
  path: string,
  changes: Changes | undefined,
  options: ReadLogOptions,
): Promise<FileHandle | undefined> {
  for (;;) {
    // Asked before the file is opened: what was written until then is found.
    const isLast = changes === undefined || isOver(options)
    const file = await openLog(path)
    if (file !== undefined || isLast) return file
    await changes.next()
  }
}

async function successor(path: string, changes: Changes, options: ReadLogOptions): Promise<FileHandle | undefined> {
  if (options.done?.aborted === true) return undefined
  return firstLog(path, changes, options)
}

function isOver(options: ReadLogOptions): boolean {
  return options.done?.aborted === true || options.signal?.aborted === true
}
