import { collectRegistryGarbage } from '@gantry/registry/gc'
import type { State } from '@gantry/state'
import type { Store } from '@gantry/store'

/** Removes what nothing leads to; what pushes to a registry of this root count on stays. A file of its own: it is loaded later. */
export async function collectAtStart(parts: { readonly state: State; readonly store: Store }): Promise<void> {
  await collectRegistryGarbage(parts)
}
