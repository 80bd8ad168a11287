import type { State } from '@gantry/state'
import type { BuilderPorts } from '../ports.ts'
import { type PrunedCache, pruneCache } from './prune-cache.ts'

const budget = 'cache-budget'
const checked = 'cache-checked'

/** How much what builds keep may take, in bytes; undefined when there is no limit, which is the default. */
export function cacheBudget(state: State): number | undefined {
  return settingOf(state, budget)
}

/** Sets the limit of a root, or takes it away. Nothing is removed now. */
export function setCacheBudget(state: State, bytes: number | undefined): void {
  state.transaction(() => {
    state.prepare('DELETE FROM builder_settings').run()
    if (bytes !== undefined) put(state, budget, bytes)
  })
}

/** When the cache is looked at. */
export interface KeepBudgetOptions {
  /** Milliseconds between two looks: sizing up large cache mounts takes a while. Default: ten minutes. */
  readonly interval?: number
  readonly signal?: AbortSignal
}

/**
 * Removes what was unused for longest until the cache is within its budget. To be called after a build, when what it made has been passed
 * on. Does nothing where there is no budget, when nothing was made since the last look, or when that was just now.
 */
export async function keepCacheBudget(
  ports: Pick<BuilderPorts, 'state' | 'store' | 'site' | 'snapshots'>,
  { interval = 600_000, signal }: KeepBudgetOptions = {},
): Promise<PrunedCache | undefined> {
  const { state } = ports
  const keepBytes = cacheBudget(state)
  if (keepBytes === undefined) return undefined
  const now = Date.now()
  const last = settingOf(state, checked) ?? 0
  if (now - last < interval) return undefined
  const isGrown = state.prepare('SELECT 1 FROM builder_steps WHERE made >= ? LIMIT 1').get(last) !== undefined
  if (!isGrown) return undefined
  state.transaction(() => put(state, checked, now))
  return pruneCache(ports, { keepBytes, ...(signal === undefined ? {} : { signal }) })
}

function settingOf(state: State, name: string): number | undefined {
  const value = state.prepare('SELECT value FROM builder_settings WHERE name = ?').get(name)?.['value']
  return value === undefined ? undefined : Number(value)
}

function put(state: State, name: string, value: number): void {
  state.prepare('INSERT OR REPLACE INTO builder_settings (name, value) VALUES (?, ?)').run(name, value)
}
