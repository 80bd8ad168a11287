import { constants, createZstdCompress } from 'node:zlib'
import { rechunk } from './rechunk.ts'
import { throughStream } from './through-stream.ts'

const defaultLevel = 3
const chunkSize = 256 * 1024

/** Compresses to one zstd frame with a checksum. The bytes depend on the input, the level, and the zstd of this Node only. */
export function zstd(
  body: AsyncIterable<Uint8Array>,
  options: { readonly level?: number } = {},
): AsyncGenerator<Uint8Array> {
  const stream = createZstdCompress({
    chunkSize,
    params: {
      [constants.ZSTD_c_compressionLevel]: options.level ?? defaultLevel,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  })
  return throughStream(rechunk(body, 1024 * 1024), stream)
}
