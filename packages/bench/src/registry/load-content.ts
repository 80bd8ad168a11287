import { createHash, randomBytes } from 'node:crypto'

/** Bytes to be pushed: some of their own, and the same for all after that. They take no memory each. */
export interface LoadBlob {
  readonly digest: string
  readonly size: number
  /** A part of the bytes; all by default. */
  parts(start?: number, end?: number): Iterable<Uint8Array>
}

const common = randomBytes(1024 * 1024)
const ownSize = 64

/** A blob that nobody has seen. */
export function freshBlob(size: number): LoadBlob {
  const own = randomBytes(Math.min(ownSize, size))
  function* parts(start = 0, end = size): Generator<Uint8Array> {
    for (let at = start; at < end;) {
      // The first mebibyte begins with what is the blob's own.
      const inOwn = at < own.length
      const source = inOwn ? own : common
      const from = inOwn ? at : at % common.length
      const part = source.subarray(from, Math.min(source.length, from + end - at))
      yield part
      at += part.length
    }
  }
  const hash = createHash('sha256')
  for (const part of parts()) hash.update(part)
  return { digest: `sha256:${hash.digest('hex')}`, size, parts }
}

/** An image of one layer. */
export interface LoadImage {
  readonly layer: LoadBlob
  readonly config: LoadBlob
  readonly manifest: Buffer
  readonly digest: string
}

/** The media type of the manifests. */
export const manifestType = 'application/vnd.oci.image.manifest.v1+json'

/** An image that nobody has seen, whose layer has so many bytes. */
export function freshImage(size: number): LoadImage {
  return imageOf(freshBlob(size), freshBlob(512))
}

/** An image of these two; each call makes another manifest of them. */
export function imageOf(layer: LoadBlob, config: LoadBlob): LoadImage {
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config.digest, size: config.size },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: layer.digest, size: layer.size }],
      annotations: { 'org.example.once': randomBytes(16).toString('hex') },
    }),
  )
  return { layer, config, manifest, digest: `sha256:${createHash('sha256').update(manifest).digest('hex')}` }
}
