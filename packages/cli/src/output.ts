import { write, writeSync } from 'node:fs'

/** Where a command writes text for people or programs: standard output or standard error. */
export interface Output {
  /** Writes all of it before it returns. A reader that went away ends the program as SIGPIPE would. */
  write(data: string | Uint8Array): void
  /** Writes without blocking the event loop; resolves when the reader has taken it. For streams of unknown length. */
  stream(data: Uint8Array): Promise<void>
  readonly isTerminal: boolean
  /** The width of the terminal; 80 where there is none. */
  readonly columns: number
}

/**
 * An output over a file descriptor.
 *
 * `process.stdout` is avoided on purpose: loading it costs start-up time, and its writes block the event loop, which
 * would keep signals from a container while a pager waits.
 */
export function fileOutput(fd: 1 | 2): Output {
  return {
    write: (data) => writeAll(fd, typeof data === 'string' ? new TextEncoder().encode(data) : data),
    stream: (data) => streamAll(fd, data),
    get isTerminal() {
      return process.getBuiltinModule('node:tty').isatty(fd)
    },
    get columns() {
      return (fd === 1 ? process.stdout.columns : process.stderr.columns) || 80
    },
  }
}

function writeAll(fd: number, data: Uint8Array): void {
  let offset = 0
  while (offset < data.length) {
    try {
      offset += writeSync(fd, data, offset)
    } catch (error) {
      if (isAgain(error)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
      else if (isBrokenPipe(error)) leaveQuietly()
      else throw error
    }
  }
}

async function streamAll(fd: number, data: Uint8Array): Promise<void> {
  let offset = 0
  while (offset < data.length) {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    write(fd, data, offset, data.length - offset, null, (error, count) =>
      error === null ? resolve(count) : reject(error),
    )
    try {
      offset += await promise
    } catch (error) {
      if (isAgain(error)) await new Promise((done) => setTimeout(done, 5))
      else if (isBrokenPipe(error)) leaveQuietly()
      else throw error
    }
  }
}

/** A pipe shared with a program that made it non-blocking: the write is to be tried again. */
function isAgain(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN'
}

/** Nobody reads any more. Of a socket that had something unread when it was closed, the kernel says that it was reset. */
function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ECONNRESET')
}

/** Node ignores SIGPIPE, so that `gantry ps | head -1` has to end here; the code is the shell's for SIGPIPE. */
function leaveQuietly(): never {
  process.exit(141)
}
