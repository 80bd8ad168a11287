import type { FileHandle } from 'node:fs/promises'
import { Changes } from './changes.ts'
import { compareTimes, LogLines, type LogEntry } from './log-line.ts'
import type { LogKeeper } from './log-keeper.ts'
import { OpenSegments } from './open-segments.ts'
import { startOfTail } from './start-of-tail.ts'

/** Which part of a log is read. */
export interface ReadLogOptions {
  /** Go on when the end is reached. Default: false. */
  readonly follow?: boolean
  /** With `follow`: the container has ended, so finish when everything that is written has been read. */
  readonly done?: AbortSignal
  /** With `follow`: who looks after the files, and has this reader open each before it goes. */
  readonly keeper?: Pick<LogKeeper, 'read'>
  /** The last so many lines. Default: all. */
  readonly tail?: number
  /** RFC 3339: lines of this time and later. */
  readonly since?: string
  /** RFC 3339: lines up to this time; reading ends at the first later one. */
  readonly until?: string
  /** Ends at once. */
  readonly signal?: AbortSignal
}

// Small enough that one takes a millisecond or two: whoever else waits for this thread may be the log's keeper.
const block = 64 * 1024
const newline = 0x0a
const longestLine = 16 * 1024 * 1024

/**
 * Reads a log in k8s-file form, as many lines at once as a block holds. A log that does not exist yet is empty, and followed from its
 * first line on. Following goes on from file to file: each is read to its end first. Lines that are not of the form are passed over.
 * Holds one block in memory.
 *
 * @throws RuntimeError LOG_LOST when what is followed grows so much faster than it is read that the rest of it cannot be kept, or when
 *   a compressed file cannot be read
 */
export async function* readLog(path: string, options: ReadLogOptions = {}): AsyncGenerator<readonly LogEntry[]> {
  const changes = options.follow === true ? new Changes(path, [options.done, options.signal]) : undefined
  const files = new OpenSegments(path)
  const stop = options.keeper?.read(() => {
    if (files.collect()) changes?.tell()
  })
  try {
    files.collect()
    let offset = options.tail === undefined ? 0 : await startAt(files, options.tail)
    for (;;) {
      const file = await files.next(changes, options)
      if (file === undefined) return
      await using handle = file
      for await (const entries of readFile(handle, offset, { options, changes, files })) {
        const chosen = inTime(entries, options)
        if (chosen.length > 0) yield chosen
        const last = entries.at(-1)
        if (options.until !== undefined && last !== undefined && compareTimes(last.time, options.until) > 0) return
      }
      if (options.signal?.aborted === true) return
      offset = 0
    }
  } finally {
    stop?.()
    changes?.close()
    await files.close()
  }
}

/** Reads from an offset to the end, and further as the file grows, until there is another one after it. */
async function* readFile(
  file: FileHandle,
  offset: number,
  { options, changes, files }: { options: ReadLogOptions; changes: Changes | undefined; files: OpenSegments },
): AsyncGenerator<readonly LogEntry[]> {
  const buffer = Buffer.allocUnsafe(block)
  let rest: Buffer[] = []
  let restSize = 0
  let position = offset
  for (;;) {
    if (options.signal?.aborted === true) return
    // Asked before the read: what was written until then is read below.
    const isOver = changes === undefined || options.done?.aborted === true
    if (changes?.renamed === true) files.collect()
    const isLast = isOver || files.waiting
    const { bytesRead } = await file.read(buffer, 0, block, position)
    position += bytesRead
    if (bytesRead === 0) {
      if (isLast) return
      await changes?.next()
      continue
    }
    const end = buffer.lastIndexOf(newline, bytesRead - 1)
    if (end !== -1) {
      // A copy: the buffer is used again while the caller may still hold the lines.
      const whole = Buffer.concat([...rest, buffer.subarray(0, end)])
      rest = []
      restSize = 0
      yield entriesOf(whole)
    }
    if (end + 1 < bytesRead) {
      restSize += bytesRead - end - 1
      if (restSize <= longestLine) rest.push(Buffer.from(buffer.subarray(end + 1, bytesRead)))
    }
  }
}

function entriesOf(lines: Buffer): readonly LogEntry[] {
  const parser = new LogLines()
  const entries: LogEntry[] = []
  for (let start = 0; start <= lines.length;) {
    const at = lines.indexOf(newline, start)
    const end = at === -1 ? lines.length : at
    const entry = parser.parse(lines.subarray(start, end))
    if (entry !== undefined) entries.push(entry)
    start = end + 1
  }
  return entries
}

function inTime(entries: readonly LogEntry[], { since, until }: ReadLogOptions): readonly LogEntry[] {
  if (since === undefined && until === undefined) return entries
  return entries.filter(
    ({ time }) =>
      (since === undefined || compareTimes(time, since) >= 0) &&
      (until === undefined || compareTimes(time, until) <= 0),
  )
}

/** Leaves only the files that the last lines are in; returns where they begin in the first of those. */
async function startAt(files: OpenSegments, tail: number): Promise<number> {
  let left = tail
  for (let index = files.count - 1; index >= 0; index--) {
    await using file = await files.look(index)
    const { offset, lines } = await startOfTail(file, left)
    if (lines === left || index === 0) {
      files.skip(index)
      return offset
    }
    left -= lines
  }
  return 0
}
