import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Transform } from 'node:stream'

/**
 * Runs the bytes through a Node stream, with back-pressure both ways. Leaving the loop early destroys the stream and closes
 * the source; an error of either is thrown to the consumer.
 */
export async function* throughStream(body: AsyncIterable<Uint8Array>, stream: Transform): AsyncGenerator<Uint8Array> {
  const fed = pipeline(Readable.from(body, { objectMode: true, highWaterMark: 1 }), stream)
  // The iteration below throws the same error; `fed` is awaited after it for an error that comes last.
  fed.catch(() => undefined)
  try {
    for await (const chunk of stream) {
      if (chunk instanceof Uint8Array) yield chunk
    }
    await fed
  } finally {
    stream.destroy()
  }
}
