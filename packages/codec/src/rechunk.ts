/**
 * The same bytes in chunks of exactly `size` (the last may be shorter, none is empty). Each chunk is a fresh buffer of its own.
 * It makes compressed bytes independent of how the input happened to arrive.
 */
export async function* rechunk(body: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer<ArrayBuffer>> {
  let buffer = Buffer.allocUnsafeSlow(size)
  let filled = 0
  for await (const chunk of body) {
    let offset = 0
    while (offset < chunk.length) {
      const part = chunk.subarray(offset, offset + size - filled)
      buffer.set(part, filled)
      filled += part.length
      offset += part.length
      if (filled === size) {
        yield buffer
        buffer = Buffer.allocUnsafeSlow(size)
        filled = 0
      }
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled)
}

/** The same bytes with small chunks put together, so that every chunk but the last has at least `least` bytes. */
export async function* coalesce(body: AsyncIterable<Uint8Array>, least: number): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    parts.push(chunk)
    size += chunk.length
    if (size < least) continue
    yield parts.length === 1 ? chunk : Buffer.concat(parts, size)
    parts = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(parts, size)
}
