import type { Digest } from '@gantry/oci'
import type { Hashing } from './codec.ts'

const encoder = new TextEncoder()

/**
 * The chain IDs of a stack of layers, lowest first: each names its layer with all below it.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#layer-chainid
 */
export async function chainIds(diffIds: readonly Digest[], codec: Hashing): Promise<Digest[]> {
  const chain: Digest[] = []
  for (const diffId of diffIds) {
    const below = chain.at(-1)
    if (below === undefined) {
      chain.push(diffId)
      continue
    }
    const hasher = codec.hasher('sha256')
    await hasher.update(encoder.encode(`${below} ${diffId}`))
    chain.push(await hasher.digest())
  }
  return chain
}
