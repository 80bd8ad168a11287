/**
 * Gives the memory of a chunk back at once, when the chunk reaches to the end of its buffer; whoever held it finds it empty. Left to
 * the collector, chunks of streams pile up: it takes no notice of buffers before there are 32 to 64 MiB of them in a thread.
 *
 * For the last reader of a stream that makes a buffer, fills it with chunks from its beginning and does not touch it again, as
 * sockets and decompressors do. What does not look like that is left alone.
 */
export function releaseChunk(chunk: Uint8Array): void {
  const { buffer, byteOffset, byteLength } = chunk
  if (!(buffer instanceof ArrayBuffer) || buffer.detached || byteOffset + byteLength !== buffer.byteLength) return
  try {
    buffer.transfer(0)
  } catch {
    // Some buffers are shared by many, and cannot be given away.
  }
}
