import { isDigest, type Digest } from '@gantry/oci'

/** More entries than any archive of images has. */
export const mostEntries = 100_000

const documentPaths = new Set(['index.json', 'manifest.json', 'oci-layout'])
// Kept by old versions of Docker for older ones.
const ignored = /(?:^|\/)(?:VERSION|json|repositories)$/

/** Whether a file of an archive says what else is in it. */
export function isDocumentPath(path: string): boolean {
  return documentPaths.has(path)
}

/** Whether nobody needs the file: what Docker writes for its own old versions. */
export function isIgnoredPath(path: string): boolean {
  return ignored.test(path)
}

/** The digest that the path of a blob in an image layout tells. */
export function digestOfPath(path: string): Digest | undefined {
  const [, algorithm, hex] = /^blobs\/(\w+)\/(\w+)$/.exec(path) ?? []
  const digest = `${algorithm}:${hex}`
  return isDigest(digest) ? digest : undefined
}
