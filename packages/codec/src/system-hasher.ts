import { createHash } from 'node:crypto'
import type { Hasher } from '@gantry/image'
import { parseDigest } from '@gantry/oci'
import type { Digest, DigestAlgorithm } from '@gantry/oci'

/** A hasher that works at once, on the calling thread: for what is small. `digest()` ends it. */
export function systemHasher(algorithm: DigestAlgorithm): Hasher {
  const hash = createHash(algorithm)
  return {
    update: (chunk) => void hash.update(chunk),
    digest: () => parseDigest(`${algorithm}:${hash.digest('hex')}`),
  }
}

/** The digest of bytes that are in memory. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return parseDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`)
}
