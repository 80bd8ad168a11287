import { isDigest, layerCompression } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import type { State } from '@gantry/state'

/** The kinds of compression that are remembered. */
export type CompressionKind = 'gzip' | 'zstd'

/** Compressed bytes are the same for one release of Gantry and its Node: what another made cannot be made again. */
const encoder = `1/${process.versions.zlib}/${process.versions['zstd'] ?? ''}`

/** Remembers what an uncompressed layer becomes when it is compressed. */
export function rememberCompressed(state: State, diffId: Digest, descriptor: Descriptor): void {
  const { mediaType, digest, size } = descriptor
  const kind = layerCompression(mediaType)
  if (kind === 'none') throw new TypeError(`Cannot remember ${digest} as compressed: its media type is ${mediaType}`)
  state.transaction(() =>
    state
      .prepare(
        'INSERT OR REPLACE INTO store_compressed (diff_id, kind, encoder, media_type, digest, size) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(diffId, kind, encoder, mediaType, digest, size),
  )
}

/** What was remembered for the layer, if this release would make the same bytes again. Its blob need not be there. */
export function compressedOf(state: State, diffId: Digest, kind: CompressionKind): Descriptor | undefined {
  const row = state
    .prepare('SELECT media_type, digest, size FROM store_compressed WHERE diff_id = ? AND kind = ? AND encoder = ?')
    .get(diffId, kind, encoder)
  const digest = String(row?.['digest'])
  if (row === undefined || !isDigest(digest)) return undefined
  return { mediaType: String(row['media_type']), digest, size: Number(row['size']) }
}
