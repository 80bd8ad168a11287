import type { Codec } from '../codec.ts'
import { badArchive } from './archive-files.ts'
import { peek, sniff, sniffBytes } from './sniff.ts'

/** So many times what went in may come out, beyond what any archive may have. */
const mostTimes = 200

/** An archive's tar, however it came. */
export interface PlainArchive {
  readonly isCompressed: boolean
  readonly body: AsyncIterable<Uint8Array>
}

/**
 * Takes the compression (gzip or zstd, told by the first bytes) off an archive.
 *
 * @throws {ImageError} ARCHIVE_INVALID: another compression; from the stream: more than 1 GiB came out, and more than 200
 *   times what went in, which is how bombs are made; `free` is another number of bytes for that 1 GiB
 */
export async function plainArchive(
  archive: AsyncIterable<Uint8Array>,
  codec: Pick<Codec, 'decompress'>,
  { free = 1024 ** 3 }: { readonly free?: number } = {},
): Promise<PlainArchive> {
  const { head, body } = await peek(archive, sniffBytes)
  const compression = sniff(head)
  if (compression === 'none') return { isCompressed: false, body }
  if (compression === 'xz' || compression === 'bzip2') {
    throw badArchive(`it is compressed with ${compression}; unpack it first`)
  }
  const count = { in: 0 }
  return { isCompressed: true, body: bounded(codec.decompress(compression, counted(body, count)), count, free) }
}

async function* counted(body: AsyncIterable<Uint8Array>, count: { in: number }): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    count.in += chunk.length
    yield chunk
  }
}

async function* bounded(
  body: AsyncIterable<Uint8Array>,
  count: { readonly in: number },
  free: number,
): AsyncGenerator<Uint8Array> {
  let out = 0
  for await (const chunk of body) {
    out += chunk.length
    if (out > free && out > mostTimes * count.in) {
      throw badArchive(
        `${out} bytes come out of ${count.in} compressed ones, and more than ${mostTimes} times as much is taken for an attack; decompress it yourself if you trust it`,
      )
    }
    yield chunk
  }
}
