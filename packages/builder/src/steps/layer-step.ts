import { layerKey } from '../cache/layer-key.ts'
import type { StepKey } from '../cache/step-key.ts'
import type { BuildSession } from '../build-session.ts'
import type { OnDecided, StepOutcome } from '../step-outcome.ts'
import { indexEntries } from '../files/tar-index.ts'
import type { PlannedEntry } from '../layer/layer-plan.ts'
import { writeLayer } from '../layer/write-layer.ts'

/** A step whose layer can be thought out before it is written. */
export interface LayerStepOptions {
  readonly session: BuildSession
  /** The key by meaning, inputs and the files below: found without looking at any file system. */
  readonly quickKey: StepKey
  readonly text: string
  /** Plans the layer; called when the quick key finds nothing. */
  readonly plan: () => Promise<ReadonlyMap<string, PlannedEntry>>
  readonly onBytes: (bytes: number, total: number) => void
  readonly onDecided: OnDecided
}

/**
 * Finds or makes the layer of COPY or WORKDIR. A second key, by everything that will be in the layer, hits when the files
 * below changed in a way that does not matter to it.
 */
export function layerStep(options: LayerStepOptions): Promise<StepOutcome> {
  const { session, quickKey, text, onDecided } = options
  return session.share(quickKey, { text, onDecided }, () => findOrWrite(options))
}

async function findOrWrite(options: LayerStepOptions): Promise<StepOutcome> {
  const { session, quickKey, text, plan, onBytes, onDecided } = options
  const { cache, ports } = session
  const { noCache, signal } = session.options
  const quick = await session.find(quickKey, onDecided)
  if (quick !== undefined) return quick
  const entries = await plan()
  const contentKey = layerKey(entries)
  const known = noCache ? undefined : await cache.find(contentKey)
  if (known !== undefined) {
    cache.record([quickKey.key, contentKey], { layer: known.layer, instruction: text })
    onDecided({ key: quickKey, found: 'content', from: known.from })
    return { layer: known.layer, cached: true }
  }
  onDecided({ key: quickKey })
  let total = 0
  for (const entry of entries.values()) total += entry.size
  let written = 0
  const layer = await writeLayer(entries, ports.store, {
    signal,
    onBytes: (bytes) => {
      written += bytes
      onBytes(written, Math.max(total, written))
    },
  })
  cache.record([quickKey.key, contentKey], { layer, instruction: text })
  session.remember(layer, indexEntries(entries))
  return { layer, cached: false }
}
