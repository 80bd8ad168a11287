import type { StepDecision } from '../step-outcome.ts'
import type { StepComparison } from './step-history.ts'
import type { StepReason } from './step-reason.ts'

/** Why a step is done or not, from what became of looking for its result. */
export function reasonOf(
  { found, from }: StepDecision,
  { compared, noCache }: { readonly compared: StepComparison | undefined; readonly noCache: boolean },
): StepReason {
  const changes = compared?.changes ?? []
  if (from !== undefined) return { kind: 'hit', how: 'imported', from, changes }
  if (found !== undefined) return { kind: 'hit', how: found, changes }
  if (noCache) return { kind: 'miss', how: 'forced', changes }
  if (compared?.isNew === true) return { kind: 'miss', how: 'new', changes }
  return { kind: 'miss', how: changes.length === 0 ? 'lost' : 'changed', changes }
}
