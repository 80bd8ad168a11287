import { ChunkBuffer } from './chunk-buffer.ts'
import { TarError } from './errors.ts'
import type { HeaderOptions } from './header-blocks.ts'
import type { TarHeader } from './header.ts'
import { TarWriter } from './tar-writer.ts'

/** One entry of an archive to be written; a `TarEntry` is one. */
export interface TarInput {
  readonly header: TarHeader
  /** Exactly `header.size` bytes; may be absent when that is 0. What is at hand is quicker as a plain iterable. */
  readonly body?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/**
 * Writes an archive, entries in the order given. Equal entries make equal bytes. It asks for the next entry only when
 * its output is wanted; chunks have 64 KiB or more, but for the last.
 *
 * @throws {TarError} from the stream: SIZE_MISMATCH when a body is not as long as its header says, HEADER_INVALID
 */
export async function* writeTar(
  entries: AsyncIterable<TarInput> | Iterable<TarInput>,
  options: HeaderOptions = {},
): AsyncGenerator<Uint8Array> {
  const writer = new TarWriter(options)
  const buffer = new ChunkBuffer()
  for await (const { header, body } of entries) {
    yield* buffer.add(writer.header(header))
    let written = 0
    const check = (chunk: Uint8Array): Uint8Array => {
      written += chunk.length
      if (written > header.size) throw mismatch(header, `at least ${written}`)
      return chunk
    }
    if (body !== undefined && Symbol.iterator in body) {
      for (const chunk of body) yield* buffer.add(check(chunk))
    } else if (body !== undefined) {
      for await (const chunk of body) yield* buffer.add(check(chunk))
    }
    if (written < header.size) throw mismatch(header, String(written))
    yield* buffer.add(writer.padding(header.size))
  }
  yield* buffer.add(writer.end())
  yield* buffer.flush()
}

function mismatch({ path, size }: TarHeader, found: string): TarError {
  return new TarError(
    'SIZE_MISMATCH',
    `Cannot write the tar entry ${JSON.stringify(path)}: its body has ${found} bytes, expected ${size}`,
  )
}
