import type { LayerCompression, Platform } from '@gantry/oci'
import { writeTar, type TarInput } from '@gantry/tar'
import { assembleImage } from './assemble.ts'
import type { Codec } from './codec.ts'
import { copy } from './copy.ts'
import type { Image } from './image.ts'
import { ingestLayer } from './ingest-layer.ts'
import { MemoryStore } from './memory-store.ts'

/** What a random image is like. */
export interface RandomImageOptions {
  readonly codec: Codec
  /** The same seed makes the same image. */
  readonly seed?: number
  /** 2 by default. */
  readonly layers?: number
  /** Bytes of the one file in each layer; 1,000 by default. */
  readonly layerBytes?: number
  readonly compression?: LayerCompression
  /** linux/amd64 by default. */
  readonly platform?: Platform
}

/** An image of random files for tests. Its source is a memory store, given with it, that has every blob of it. */
export async function randomImage(options: RandomImageOptions): Promise<Image & { readonly source: MemoryStore }> {
  const { codec, seed = 1, layers = 2, layerBytes = 1000, compression = 'none' } = options
  const platform = options.platform ?? { os: 'linux', architecture: 'amd64' }
  const store = new MemoryStore(codec)
  const parts = []
  for (let at = 0; at < layers; at++) {
    const tar = writeTar(randomEntries(seed * 1000 + at, layerBytes))
    parts.push(await ingestLayer(tar, store, { codec, compression }))
  }
  const history = parts.map((_, at) => ({ created: epoch, created_by: `random layer ${at}` }))
  const config = { created: epoch, ...platform, config: { Cmd: [`/file-${seed}`] }, history }
  const image = await assembleImage({ config, layers: parts }, { source: store, codec })
  await copy(image.source, store, image.descriptor)
  return { ...image, source: store }
}

const epoch = '1970-01-01T00:00:00Z'

function* randomEntries(seed: number, size: number): Generator<TarInput> {
  const header = { type: 'file', mode: 0o644, uid: 0, gid: 0, size, mtime: 0 } as const
  yield { header: { ...header, path: `file-${seed}` }, body: randomBytes(seed, size) }
}

/** So many random bytes in chunks of 64 KiB; the same seed makes the same bytes. */
export function* randomBytes(seed: number, size: number): Generator<Uint8Array> {
  let state = (seed * 2654435761 + 1) >>> 0
  for (let left = size; left > 0; left -= 65_536) {
    const chunk = new Uint8Array(Math.min(left, 65_536))
    for (let at = 0; at < chunk.length; at++) {
      // xorshift32
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      chunk[at] = state >>> 8
    }
    yield chunk
  }
}
