import type { Descriptor, Digest } from '@gantry/oci'
import type { BuildSession } from '../build-session.ts'
import { layerKey } from '../cache/layer-key.ts'
import type { PlannedEntry } from '../layer/layer-plan.ts'
import { writeLayer } from '../layer/write-layer.ts'

/** A layer that was found or made, as steps tell of it. */
export interface OwnLayer {
  readonly layer: Descriptor
  readonly cached: boolean
  readonly digest: Digest
  readonly size: number
}

/** Finds the layer of planned entries, or writes it; it is kept until the build has ended. */
export async function ownLayer(
  session: BuildSession,
  plan: () => Promise<ReadonlyMap<string, PlannedEntry>>,
  text: string,
): Promise<OwnLayer> {
  const { signal, noCache, keep } = session.options
  const entries = await plan()
  const key = layerKey(entries)
  const known = noCache ? undefined : await session.cache.find(key)
  const layer = known?.layer ?? (await writeLayer(entries, session.ports.store, { signal }))
  if (known === undefined) session.cache.record([key], { layer, instruction: text })
  keep(layer.digest)
  return { layer, cached: known !== undefined, digest: layer.digest, size: layer.size }
}
