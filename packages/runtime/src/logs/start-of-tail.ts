import type { FileHandle } from 'node:fs/promises'
import { parseLogLine } from './log-line.ts'

const block = 64 * 1024
const newline = 0x0a
// The time, the stream and the tag of a line are at its beginning.
const heading = 64

/**
 * Where the last `count` lines of a file of a log begin, and how many of them there are, read backwards from the end in blocks. A line
 * that was cut into pieces (P … F) counts once, with its pieces.
 */
export async function startOfTail(file: FileHandle, count: number): Promise<{ offset: number; lines: number }> {
  const { size } = await file.stat()
  if (count <= 0) return { offset: size, lines: 0 }
  let lines = 0
  let end = size
  for await (const start of lineStartsBackwards(file, size)) {
    const isFull = await endsLine(file, start, end)
    if (isFull === true && lines === count) return { offset: end, lines }
    if (isFull === true) lines++
    end = start
  }
  return { offset: 0, lines }
}

// Whether the raw line ends a line of the container; undefined for one that is not of the form.
async function endsLine(file: FileHandle, start: number, end: number): Promise<boolean | undefined> {
  const buffer = Buffer.alloc(Math.min(heading, end - start))
  const { bytesRead } = await file.read(buffer, 0, buffer.length, start)
  const at = buffer.indexOf(newline)
  const entry = parseLogLine(buffer.subarray(0, at === -1 ? bytesRead : at))
  return entry === undefined ? undefined : !entry.partial
}

/** Offsets of the beginnings of raw lines, last first. */
async function* lineStartsBackwards(file: FileHandle, size: number): AsyncGenerator<number> {
  const buffer = Buffer.allocUnsafe(block)
  // The newline at the very end begins no line.
  let end = size - 1
  while (end > 0) {
    const start = Math.max(0, end - block)
    const { bytesRead } = await file.read(buffer, 0, end - start, start)
    for (let at = buffer.subarray(0, bytesRead).lastIndexOf(newline); at !== -1;) {
      yield start + at + 1
      at = at === 0 ? -1 : buffer.lastIndexOf(newline, at - 1)
    }
    end = start
  }
  if (size > 0) yield 0
}
