import { createGunzip, createZstdDecompress } from 'node:zlib'
import { CodecError } from './codec-error.ts'
import { throughStream } from './through-stream.ts'

/** The compressions of OCI layers. */
export type CompressionKind = 'gzip' | 'zstd'

/** How a stream is decompressed. */
export interface DecompressOptions {
  /** The most bytes that may come out: a small stream can blow up to any size. Default: no bound. */
  readonly maxBytes?: number
}

const chunkSize = 256 * 1024

/**
 * Decompresses on the threads of libuv.
 *
 * @throws CodecError STREAM_DAMAGED when the stream is not of that kind, is damaged, or ends early
 * @throws CodecError STREAM_TOO_LARGE when more than `maxBytes` come out
 */
export async function* decompress(
  kind: CompressionKind,
  body: AsyncIterable<Uint8Array>,
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array> {
  const limit = options.maxBytes ?? Infinity
  let size = 0
  const stream = kind === 'gzip' ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize })
  try {
    for await (const chunk of throughStream(body, stream)) {
      size += chunk.length
      if (size > limit) throw tooLarge(kind, limit)
      yield chunk
    }
  } catch (error) {
    throw isDamage(error) ? damaged(kind, error) : error
  }
}

function tooLarge(kind: CompressionKind, limit: number): CodecError {
  return new CodecError(
    'STREAM_TOO_LARGE',
    `Cannot decompress the ${kind} stream: more than ${limit} bytes come out of it`,
  )
}

function damaged(kind: CompressionKind, cause: unknown): CodecError {
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new CodecError('STREAM_DAMAGED', `Cannot decompress the ${kind} stream: ${detail}`, { cause })
}

function isDamage(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  const code = String(error.code)
  return code.startsWith('Z_') || code.startsWith('ZSTD_') || code.startsWith('ERR_ZLIB')
}
