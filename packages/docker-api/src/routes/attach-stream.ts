import { encodeFrame, multiplexedStream, rawStream } from '@gantry/client'
import type { AttachedStream } from '@gantry/engine'
import type { ApiVersion, RawStream, Reply } from '../http/message.ts'
import { atLeast } from '../http/version.ts'
import { DetachKeys } from './detach-keys.ts'

/** Joins a client's connection to a process: output in frames unless it is a terminal's, input as it comes, the client's half-close
 * as the input's end. `open` is called before the client hears that its connection is a stream. */
export function attachReply(
  stream: AttachedStream,
  { version, detachKeys }: { version: ApiVersion; detachKeys?: string | undefined },
): Reply {
  return {
    kind: 'hijack',
    contentType: stream.terminal || !atLeast(version, 42) ? rawStream : multiplexedStream,
    serve: (raw) => join(stream, raw, stream.terminal ? new DetachKeys(detachKeys) : undefined),
  }
}

async function join(stream: AttachedStream, raw: RawStream, keys: DetachKeys | undefined): Promise<void> {
  void raw.closed.then(() => stream.close())
  void passInput(stream, raw, keys)
  try {
    for await (const { stream: name, data } of stream.output)
      await raw.write(stream.terminal ? data : encodeFrame(name, data))
  } catch {
    // Cut off for reading too slowly, or the monitor is gone: the client sees the end of the stream either way.
  } finally {
    stream.close()
  }
}

async function passInput(stream: AttachedStream, raw: RawStream, keys: DetachKeys | undefined): Promise<void> {
  try {
    for await (const chunk of raw.input) {
      const { bytes, detached } = keys === undefined ? { bytes: chunk, detached: false } : keys.take(chunk)
      if (bytes.length > 0) await stream.write(bytes)
      if (detached) {
        stream.close()
        return
      }
    }
    stream.end()
  } catch {
    // The process is gone; its output's end closes the connection.
  }
}
