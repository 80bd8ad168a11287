import { digestAlgorithm, type Descriptor, type Digest } from '@gantry/oci'
import type { Hashing } from './codec.ts'
import { ImageError } from './errors.ts'

/**
 * Passes the bytes on and, at the end, compares their number and digest with the descriptor's. A body that is too long
 * fails as soon as it is.
 *
 * @throws {ImageError} SIZE_MISMATCH, DIGEST_MISMATCH, from the stream
 */
export async function* verified(
  body: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  codec: Hashing,
): AsyncGenerator<Uint8Array> {
  const { digest, size } = descriptor
  const hasher = codec.hasher(digestAlgorithm(digest))
  let seen = 0
  for await (const chunk of body) {
    seen += chunk.length
    if (seen > size) {
      throw new ImageError('SIZE_MISMATCH', `Cannot read ${digest}: more than the expected ${size} bytes came`)
    }
    const hashed = hasher.update(chunk)
    yield chunk
    await hashed
  }
  if (seen < size) {
    throw new ImageError('SIZE_MISMATCH', `Cannot read ${digest}: ${seen} bytes came, expected ${size}`)
  }
  const found = await hasher.digest()
  if (found !== digest) {
    throw new ImageError(
      'DIGEST_MISMATCH',
      `Cannot read ${digest}: the ${size} bytes that came have the digest ${found}`,
    )
  }
}

/**
 * Passes a tar on and, at its end, compares its digest with the layer's diff ID.
 *
 * @throws {ImageError} DIGEST_MISMATCH, from the stream
 */
export async function* verifiedTar(
  tar: AsyncIterable<Uint8Array>,
  diffId: Digest,
  codec: Hashing,
): AsyncGenerator<Uint8Array> {
  const hasher = codec.hasher(digestAlgorithm(diffId))
  for await (const chunk of tar) {
    const hashed = hasher.update(chunk)
    yield chunk
    await hashed
  }
  const found = await hasher.digest()
  if (found !== diffId) {
    throw new ImageError('DIGEST_MISMATCH', `Cannot read the layer ${diffId}: its tar has the digest ${found}`)
  }
}
