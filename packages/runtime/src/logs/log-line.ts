/** One line of a container's log, or a piece of a long one. */
export interface LogEntry {
  /** When it was written, RFC 3339 in UTC with nanoseconds. */
  readonly time: string
  readonly stream: 'stdout' | 'stderr'
  /** Without the newline that ended it. */
  readonly line: Uint8Array
  /** The line goes on in the next entry of this stream: there was no newline here. */
  readonly partial: boolean
}

const space = 0x20

/**
 * Parses a line of a k8s-file log: time, stream, P (partial) or F (full), text. Undefined for anything else.
 * https://github.com/kubernetes/design-proposals-archive/blob/acc25e14ca83dfda4f66d8cb1f1b491f26e78ffe/node/kubelet-cri-logging.md
 */
export function parseLogLine(bytes: Uint8Array): LogEntry | undefined {
  return new LogLines().parse(bytes)
}

/** Parses many lines of a log; quicker than one at a time, because what is written at once has one time. */
export class LogLines {
  #text = ''
  #time: string | undefined

  /** As {@link parseLogLine}. */
  parse(bytes: Uint8Array): LogEntry | undefined {
    const parts = partsOf(bytes)
    if (parts === undefined) return undefined
    const text = ascii(bytes, 0, parts.timeEnd)
    if (text !== this.#text) {
      this.#text = text
      this.#time = toUtc(text)
    }
    const time = this.#time
    if (time === undefined) return undefined
    const { stream, partial } = parts
    return { time, stream, line: bytes.subarray(parts.start), partial }
  }
}

interface LineParts {
  readonly timeEnd: number
  readonly stream: LogEntry['stream']
  readonly partial: boolean
  /** Where the text begins. */
  readonly start: number
}

function partsOf(bytes: Uint8Array): LineParts | undefined {
  const first = bytes.indexOf(space)
  if (first < 20 || first > 40) return undefined
  const second = bytes.indexOf(space, first + 1)
  const third = second === -1 ? -1 : bytes.indexOf(space, second + 1)
  // An empty line may lack the last space.
  const tagEnd = third === -1 ? bytes.length : third
  if (second === -1 || tagEnd !== second + 2) return undefined
  const name = ascii(bytes, first + 1, second)
  const tag = bytes[second + 1]
  if ((name !== 'stdout' && name !== 'stderr') || (tag !== 0x50 && tag !== 0x46)) return undefined
  return { timeEnd: first, stream: name, partial: tag === 0x50, start: Math.min(tagEnd + 1, bytes.length) }
}

/** Milliseconds and nanoseconds of a log's time, for comparisons: milliseconds since 1970 and a string that sorts. */
export function compareTimes(left: string, right: string): number {
  const difference = Date.parse(left) - Date.parse(right)
  if (difference !== 0) return difference
  const [a, b] = [fraction(left), fraction(right)]
  return a < b ? -1 : a > b ? 1 : 0
}

function fraction(time: string): string {
  return (/\.(\d+)/.exec(time)?.[1] ?? '').padEnd(9, '0')
}

/** RFC 3339 with any offset to UTC, digits of the fraction kept. */
function toUtc(text: string): string | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.exec(text)
  if (match === null) return undefined
  const [, seconds = '', part = '', offset = 'Z'] = match
  if (offset === 'Z' || offset === '+00:00') return `${seconds}${part}Z`
  return `${new Date(`${seconds}${offset}`).toISOString().slice(0, 19)}${part}Z`
}

function ascii(bytes: Uint8Array, start: number, end: number): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return buffer.toString('latin1', start, end)
}
