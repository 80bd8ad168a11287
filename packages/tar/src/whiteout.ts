import { TarError } from './errors.ts'

/** What a whiteout entry of a layer hides: one path of the layers below, or all that a directory has there. */
export type Whiteout =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'opaque'; readonly path: string }

const prefix = '.wh.'
const opaque = '.wh..wh..opq'

/**
 * What the entry of that normalised path hides; undefined when it is no whiteout.
 *
 * @throws {TarError} PATH_ESCAPES: `.wh.`, `.wh..` and `.wh...` would hide the directory they are in, or one above
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts
 */
export function whiteoutOf(path: string): Whiteout | undefined {
  const slash = path.lastIndexOf('/') + 1
  if (!path.startsWith(prefix, slash)) return undefined
  const directory = path.slice(0, slash)
  if (path.startsWith(opaque, slash) && path.length === slash + opaque.length) {
    return { kind: 'opaque', path: directory === '' ? '.' : directory.slice(0, -1) }
  }
  const hidden = path.slice(slash + prefix.length)
  if (hidden === '' || hidden === '.' || hidden === '..') {
    throw new TarError(
      'PATH_ESCAPES',
      `Cannot use the whiteout ${JSON.stringify(path)}: it names no file of its directory`,
    )
  }
  return { kind: 'file', path: directory + hidden }
}

/** The path of the entry that hides `path`; both normalised. */
export function whiteoutName(path: string): string {
  const slash = path.lastIndexOf('/') + 1
  return path.slice(0, slash) + prefix + path.slice(slash)
}

/** The path of the entry that hides what a directory has in the layers below; `.` is the root. */
export function opaqueName(directory: string): string {
  return directory === '.' ? opaque : `${directory}/${opaque}`
}
