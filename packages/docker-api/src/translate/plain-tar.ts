import { Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { badRequest } from '../http/api-failure.ts'

/** The tar within what a client sends, which may be compressed with gzip or zstd. @throws ApiFailure 400 for other compressions */
export async function* plainTar(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = body[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
    head = Buffer.concat([head, next.value])
    if (head.length >= 6) break
  }
  async function* all(): AsyncGenerator<Uint8Array, void, undefined> {
    if (head.length > 0) yield head
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
  }
  const magic = head.subarray(0, 6).toString('hex')
  if (magic.startsWith('1f8b')) yield* Readable.from(all()).pipe(createGunzip()) as AsyncIterable<Uint8Array>
  else if (magic.startsWith('28b52ffd'))
    yield* Readable.from(all()).pipe(createZstdDecompress()) as AsyncIterable<Uint8Array>
  else if (magic.startsWith('425a68') || magic.startsWith('fd377a585a00'))
    throw badRequest('the archive is compressed with bzip2 or xz: send it plain, or with gzip or zstd')
  else yield* all()
}
