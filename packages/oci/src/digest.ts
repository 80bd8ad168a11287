import { OciError } from './errors.ts'
import { quote } from './quote.ts'

declare const digestBrand: unique symbol

/**
 * A content digest, `sha256:<64 hex>` or `sha512:<128 hex>`, in lower case. Only {@link parseDigest} and {@link isDigest}
 * make one, so that two digests are equal exactly when `===` says so.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
 */
export type Digest = string & { readonly [digestBrand]: true }

/** The registered algorithms that Gantry computes. */
export type DigestAlgorithm = 'sha256' | 'sha512'

const digestPattern = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/

/** Whether the text is a digest of an algorithm Gantry knows. */
export function isDigest(text: string): text is Digest {
  return digestPattern.test(text)
}

/**
 * Takes a text as a digest.
 *
 * @throws {OciError} DIGEST_INVALID
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text
  throw new OciError(
    'DIGEST_INVALID',
    `Cannot read the digest ${quote(text)}: expected "sha256:" and 64 or "sha512:" and 128 lower-case hexadecimal digits`,
  )
}

/** The algorithm of a digest. */
export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256'
}

/** The hexadecimal part of a digest, the name of its file in an image layout. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}
