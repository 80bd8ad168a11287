import { digestAlgorithm, type Descriptor, type Digest } from '@gantry/oci'
import type { Hasher, Hashing } from './codec.ts'
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
  const found = yield* hashed(sized(body, descriptor), codec.hasher(digestAlgorithm(digest)))
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
  const found = yield* hashed(tar, codec.hasher(digestAlgorithm(diffId)))
  if (found !== diffId) {
    throw new ImageError('DIGEST_MISMATCH', `Cannot read the layer ${diffId}: its tar has the digest ${found}`)
  }
}

async function* sized(body: AsyncIterable<Uint8Array>, { digest, size }: Descriptor): AsyncGenerator<Uint8Array> {
  let seen = 0
  for await (const chunk of body) {
    seen += chunk.length
    if (seen > size) {
      throw new ImageError('SIZE_MISMATCH', `Cannot read ${digest}: more than the expected ${size} bytes came`)
    }
    yield chunk
  }
  if (seen < size) {
    throw new ImageError('SIZE_MISMATCH', `Cannot read ${digest}: ${seen} bytes came, expected ${size}`)
  }
}

/** Passes bytes on, and returns their digest at the end. Hashing and whoever reads work at the same time. */
export async function* hashed(
  body: AsyncIterable<Uint8Array>,
  hasher: Hasher,
): AsyncGenerator<Uint8Array, Digest, undefined> {
  let done = false
  try {
    for await (const chunk of body) {
      const updated = hasher.update(chunk)
      // Waited for below, but not when the reader breaks off.
      if (updated instanceof Promise) updated.catch(() => undefined)
      yield chunk
      await updated
    }
    done = true
    return await hasher.digest()
  } finally {
    if (!done) hasher.discard?.()
  }
}
