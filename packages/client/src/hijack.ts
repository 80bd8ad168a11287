import type { Socket } from 'node:net'
import type { SocketReader } from './http1/reader.ts'
import { decodeFrames, multiplexedStream, unframed, type OutputChunk } from './frames.ts'

/** A process's standard streams over a connection of their own. */
export interface HijackedStream {
  /** Output as it arrives, to its end. Of a terminal everything is `stdout`. Read it always: who does not, is cut off after 1 MiB. */
  readonly output: AsyncIterable<OutputChunk>
  /** Sends input; resolves when there is room for more. After `close` or when the other side has gone it does nothing. */
  write(data: Uint8Array): Promise<void>
  /** Ends the input; output goes on. Idempotent. */
  end(): void
  /** Drops the connection. Idempotent. */
  close(): void
}

/** Wraps a connection that has been upgraded. */
export function hijacked(
  socket: Socket,
  reader: SocketReader,
  { contentType, signal }: { contentType: string; signal: AbortSignal | undefined },
): HijackedStream {
  const close = (): void => {
    socket.destroy()
  }
  signal?.addEventListener('abort', close, { once: true })
  const bytes = untilClosed(reader, () => {
    signal?.removeEventListener('abort', close)
    close()
  })
  return {
    output: contentType === multiplexedStream ? decodeFrames(bytes) : unframed(bytes),
    write: (data) =>
      new Promise((resolve) => {
        if (!socket.writable) resolve()
        else socket.write(data, () => resolve())
      }),
    end: () => {
      if (socket.writable) socket.end()
    },
    close,
  }
}

async function* untilClosed(reader: SocketReader, done: () => void): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* reader.rest()
  } finally {
    done()
  }
}
