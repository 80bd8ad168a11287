/** A piece of output of a process, and which of its streams it came from. */
export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr'
  readonly data: Uint8Array
}

/** Content type of output whose streams are told apart by frames. */
export const multiplexedStream = 'application/vnd.docker.multiplexed-stream'

/** Content type of output without frames: a terminal has one stream. */
export const rawStream = 'application/vnd.docker.raw-stream'

/** Wraps output in one frame of Docker's stream format: stream (1 or 2), three zero bytes, length in big-endian, data. */
export function encodeFrame(stream: 'stdout' | 'stderr', data: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(8 + data.length)
  frame.writeUInt32BE(stream === 'stdout' ? 0x01000000 : 0x02000000, 0)
  frame.writeUInt32BE(data.length, 4)
  frame.set(data, 8)
  return frame
}

/** Unwraps frames; data is passed on as it arrives, so a long frame becomes several pieces.
 * @throws Error with the text of a frame of type 3, by which the daemon reports a failure */
export async function* decodeFrames(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<OutputChunk, void, undefined> {
  let head: Uint8Array = new Uint8Array(0)
  let left = 0
  let type = 0
  let failure = ''
  for await (const chunk of bytes) {
    let at = 0
    while (at < chunk.length) {
      if (left === 0) {
        const want = 8 - head.length
        const part = chunk.subarray(at, at + want)
        at += part.length
        head = head.length === 0 ? part : Buffer.concat([head, part])
        if (head.length < 8) continue
        type = head[0] as number
        left = new DataView(head.buffer, head.byteOffset, 8).getUint32(4)
        head = new Uint8Array(0)
        continue
      }
      const data = chunk.subarray(at, at + left)
      at += data.length
      left -= data.length
      if (type === 3) failure += Buffer.from(data).toString()
      else yield { stream: type === 2 ? 'stderr' : 'stdout', data }
    }
  }
  if (failure !== '') throw new Error(failure)
}

/** Takes bytes without frames for standard output. */
export async function* unframed(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<OutputChunk, void, undefined> {
  for await (const data of bytes) yield { stream: 'stdout', data }
}
