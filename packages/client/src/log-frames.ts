/** One frame of a log: a line, or a piece of a long one, as the daemon wrote it. */
export interface LogFrame {
  readonly stream: 'stdout' | 'stderr'
  readonly data: Uint8Array
}

const headSize = 8

/**
 * Unwraps whole frames, as many at once as have come; unlike those of other output none is in pieces.
 *
 * @throws Error with the text of a frame of type 3, by which the daemon reports a failure
 */
export async function* logFrames(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly LogFrame[], void, undefined> {
  let rest: Uint8Array = new Uint8Array(0)
  for await (const chunk of bytes) {
    const all =
      rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk])
    const frames: LogFrame[] = []
    let at = 0
    while (at + headSize <= all.length) {
      const end = at + headSize + all.readUInt32BE(at + 4)
      if (end > all.length) break
      const data = all.subarray(at + headSize, end)
      if (all[at] === 3) throw new Error(data.toString())
      frames.push({ stream: all[at] === 2 ? 'stderr' : 'stdout', data })
      at = end
    }
    rest = Buffer.from(all.subarray(at))
    if (frames.length > 0) yield frames
  }
}
