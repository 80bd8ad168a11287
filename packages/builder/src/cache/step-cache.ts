import { type Descriptor, parseDescriptor } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { Store } from '@gantry/store'
import { type NetworkUse, parseUses } from '../egress/network-use.ts'

/** A result that is known. */
export interface CachedLayer {
  readonly layer: Descriptor
  /** The imported cache that had it; missing when it was here. */
  readonly from?: string | undefined
  /** What the step reached, where that was recorded. */
  readonly network?: readonly NetworkUse[] | undefined
}

/** A step whose result a build used, for caches that are exported. */
export interface UsedStep {
  readonly key: string
  /** An uncompressed tar: its digest is the diff ID. */
  readonly layer: Descriptor
  readonly instruction: string
  /** What it reached, where that was recorded. */
  readonly network?: readonly NetworkUse[]
}

/** What a step made. */
export type MadeStep = Omit<UsedStep, 'key'>

/** Which layer a step made, by its key. */
export interface StepCache {
  /** The layer made under this key, if its blob is still here or an imported cache has it. */
  find(key: string): Promise<CachedLayer | undefined>
  /** Remembers a layer under keys that all mean it; the last to write wins, which makes no difference. Its blob is kept until it is pruned. */
  record(keys: readonly string[], made: MadeStep): void
}

/** A cache of another place: fetches a layer into the store, whole and verified. */
export interface StepImport {
  readonly label: string
  /** The layer of a step; undefined when this cache has none, or what it has cannot be used. */
  fetch(key: string): Promise<MadeStep | undefined>
  /** The files of a cache mount, as a tar. */
  openMount(id: string, namespace: string): Promise<AsyncIterable<Uint8Array> | undefined>
}

/** What a cache works with. */
export interface StepCachePorts {
  readonly state: State
  readonly store: Pick<Store, 'has' | 'pin'>
  /** Asked in order for what is not here. */
  readonly imports?: readonly StepImport[]
}

/** Who keeps the layers of steps from being collected. */
export const cacheOwner = 'build-cache'

/** A cache in the table `builder_steps`; entries whose blob was collected are forgotten when they are met. */
export function createStepCache({ state, store, imports = [] }: StepCachePorts): StepCache {
  const record = (keys: readonly string[], { layer, instruction, network }: MadeStep): void => {
    const insert = state.prepare(
      `INSERT INTO builder_steps (key, layer, instruction, made, used, network) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET layer = excluded.layer, made = excluded.made, used = excluded.used, network = excluded.network`,
    )
    const text = JSON.stringify(layer)
    const uses = network === undefined ? null : JSON.stringify(network)
    const now = Date.now()
    state.transaction(() => {
      for (const key of keys) insert.run(key, text, instruction.slice(0, 1024), now, now, uses)
      store.pin(cacheOwner, layer.digest)
    })
  }
  return {
    async find(key) {
      const row = state.prepare('SELECT layer, used, network FROM builder_steps WHERE key = ?').get(key)
      if (row !== undefined) {
        const layer = parseDescriptor(JSON.parse(String(row['layer'])))
        if (await store.has(layer)) {
          const now = Date.now()
          // Good enough for pruning by age, and a build that only hits writes nothing.
          if (now - Number(row['used']) > 3_600_000) {
            state.prepare('UPDATE builder_steps SET used = ? WHERE key = ?').run(now, key)
          }
          const network = row['network']
          return typeof network === 'string' ? { layer, network: parseUses(JSON.parse(network)) } : { layer }
        }
        state.prepare('DELETE FROM builder_steps WHERE key = ?').run(key)
      }
      for (const source of imports) {
        const found = await source.fetch(key)
        if (found === undefined) continue
        record([key], found)
        return { layer: found.layer, from: source.label, network: found.network }
      }
      return undefined
    },
    record,
  }
}
