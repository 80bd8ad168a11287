import { createCodec, systemHasher } from '@gantry/codec'
import type { Codec } from '@gantry/image'

/** The real codec, but hashing at once on the calling thread: no worker starts for a small test. */
export function testCodec(): Codec {
  return { ...createCodec(), hasher: systemHasher }
}
