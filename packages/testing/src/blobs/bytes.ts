import { createHash } from 'node:crypto'
import { randomBytes } from '@gantry/image'
import { MediaType, parseDigest, type Descriptor, type DigestAlgorithm } from '@gantry/oci'

/** Random bytes that are the same for the same seed. */
export function bytesOf(seed: number, size: number): Uint8Array {
  return Buffer.concat([...randomBytes(seed, size)])
}

/** Describes bytes, as a layer unless told otherwise. */
export function describe(
  bytes: Uint8Array,
  options: { readonly algorithm?: DigestAlgorithm; readonly mediaType?: string } = {},
): Descriptor {
  const { algorithm = 'sha256', mediaType = MediaType.layerTar } = options
  const digest = parseDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`)
  return { mediaType, digest, size: bytes.length }
}

/** Bytes as a body, in chunks of that many bytes. */
export async function* bodyOf(bytes: Uint8Array, chunkSize: number = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkSize) yield bytes.subarray(at, at + chunkSize)
}

/** Reads a whole body. */
export async function readAll(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}
