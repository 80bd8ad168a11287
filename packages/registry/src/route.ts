import { isDigest, isRepositoryName, isTag, quote } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import { WireError } from './wire-error.ts'

/** What a path asks for; everything in it has been parsed. */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'discover'; readonly repository?: string }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: Digest }
  | { readonly kind: 'uploads'; readonly repository: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly id: string }
  | { readonly kind: 'manifest'; readonly repository: string; readonly reference: ManifestReference }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: Digest }

/** How a manifest is asked for. */
export type ManifestReference =
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'digest'; readonly digest: Digest }

/**
 * Reads a path of the distribution API; `undefined` when it is none.
 *
 * @throws {WireError} NAME_INVALID, DIGEST_INVALID, BLOB_UPLOAD_UNKNOWN, MANIFEST_INVALID (a tag that cannot be)
 */
export function parseRoute(path: string): Route | undefined {
  const segments = decode(path)
  if (segments?.[0] !== '' || segments[1] !== 'v2') return undefined
  const rest = segments.slice(2)
  if (rest.length === 0 || (rest.length === 1 && rest[0] === '')) return { kind: 'base' }
  if (rest.length === 1 && rest[0] === '_catalog') return { kind: 'catalog' }
  if (rest.slice(-3).join('/') === '_oci/ext/discover') {
    return rest.length === 3 ? { kind: 'discover' } : { kind: 'discover', repository: parseName(rest.slice(0, -3)) }
  }
  // Names have slashes in them, so the end of the path is read first.
  const [last = '', verb, before] = rest.toReversed()
  if (verb === 'uploads' && before === 'blobs') {
    const repository = parseName(rest.slice(0, -3))
    return last === '' ? { kind: 'uploads', repository } : { kind: 'upload', repository, id: parseId(last) }
  }
  if (last === 'uploads' && verb === 'blobs') return { kind: 'uploads', repository: parseName(rest.slice(0, -2)) }
  if (verb === 'tags' && last === 'list') return { kind: 'tags', repository: parseName(rest.slice(0, -2)) }
  if (verb === 'blobs' || verb === 'referrers') {
    const kind = verb === 'blobs' ? 'blob' : 'referrers'
    return { kind, repository: parseName(rest.slice(0, -2)), digest: parseDigestOf(last) }
  }
  if (verb === 'manifests') {
    return { kind: 'manifest', repository: parseName(rest.slice(0, -2)), reference: parseManifestReference(last) }
  }
  return undefined
}

function decode(path: string): readonly string[] | undefined {
  try {
    return path.split('/').map(decodeURIComponent)
  } catch {
    return undefined
  }
}

function parseName(segments: readonly string[]): string {
  const name = segments.join('/')
  if (isRepositoryName(name)) return name
  throw new WireError('NAME_INVALID', `${quote(name)} is not a repository name`)
}

function parseDigestOf(text: string): Digest {
  if (isDigest(text)) return text
  throw new WireError('DIGEST_INVALID', `${quote(text)} is not a sha256 or sha512 digest`)
}

function parseId(text: string): string {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text
  throw new WireError('BLOB_UPLOAD_UNKNOWN', `there is no upload ${quote(text)}`)
}

function parseManifestReference(text: string): ManifestReference {
  if (text.includes(':')) return { kind: 'digest', digest: parseDigestOf(text) }
  if (isTag(text)) return { kind: 'tag', tag: text }
  throw new WireError('MANIFEST_INVALID', `${quote(text)} is neither a tag nor a digest`)
}
