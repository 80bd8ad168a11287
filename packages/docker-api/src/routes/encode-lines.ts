import type { LogEntries } from '@gantry/engine'

/** How lines of a log are written to a client. */
export interface LineForm {
  /** Each line in a frame that tells its stream; a terminal has none. */
  readonly framed: boolean
  readonly timestamps: boolean
  /** What stands before each line, after the time. */
  readonly details: string
}

const newline = 0x0a
const headSize = 8

/** Lines of a log as the Engine API sends them: one frame for a line or a piece of one, all of them in one piece. */
export function encodeLines(lines: LogEntries, { framed, timestamps, details }: LineForm): Uint8Array {
  const before = (time: string): string => (timestamps ? `${time} ${details}` : details)
  const head = framed ? headSize : 0
  const detailsSize = Buffer.byteLength(details)
  const sizeOf = ({ line, partial, time }: LogEntries[number]): number =>
    (timestamps ? time.length + 1 : 0) + detailsSize + line.length + (partial ? 0 : 1)
  const buffer = Buffer.allocUnsafe(lines.reduce((sum, entry) => sum + head + sizeOf(entry), 0))
  let at = 0
  for (const entry of lines) {
    if (framed) {
      buffer.writeUInt32BE(entry.stream === 'stdout' ? 0x01000000 : 0x02000000, at)
      buffer.writeUInt32BE(sizeOf(entry), at + 4)
      at += headSize
    }
    const text = before(entry.time)
    if (text !== '') at += buffer.write(text, at)
    buffer.set(entry.line, at)
    at += entry.line.length
    if (!entry.partial) buffer[at++] = newline
  }
  return buffer
}
