import type { Digest } from '@gantry/oci'
import type { Hashing } from '../codec.ts'
import type { Image } from '../image.ts'
import { entriesOf } from './read-files.ts'

/** Entries of layers: by the layer's index, which entries of its tar. */
export type WantedFiles = ReadonlyMap<number, ReadonlySet<number>>

/** The sha256 of the content of some files, by `layer:entry`. Layers of which nothing is wanted are not read. */
export async function hashFiles(
  image: Image,
  wanted: WantedFiles,
  { codec, signal }: { readonly codec: Hashing; readonly signal?: AbortSignal },
): Promise<ReadonlyMap<string, Digest>> {
  const digests = new Map<string, Digest>()
  for (const [index, layer] of (await image.layers()).entries()) {
    const ordinals = wanted.get(index)
    if (ordinals === undefined) continue
    let ordinal = -1
    for await (const { body } of entriesOf(layer, signal)) {
      ordinal++
      if (!ordinals.has(ordinal)) continue
      const hasher = codec.hasher('sha256')
      for await (const chunk of body) await hasher.update(chunk)
      digests.set(`${index}:${ordinal}`, await hasher.digest())
    }
  }
  return digests
}
