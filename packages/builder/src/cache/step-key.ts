import { cacheKey, type KeyField } from './key.ts'
import { stepVersion } from './layer-key.ts'

/** The key of a step, with the fields that it was made of by their names, so that two keys can be compared. */
export interface StepKey {
  /** Hex. The same on every machine for the same inputs. */
  readonly key: string
  readonly kind: StepKind
  readonly fields: Readonly<Record<string, KeyField>>
  /** Which variables of the field `env` are build arguments. */
  readonly args: ReadonlySet<string>
}

/** What kinds of steps have keys. */
export type StepKind = 'run' | 'copy' | 'workdir' | 'context'

/** Makes the key of a step. Names that a key is compared by: see `outlineOf`. */
export function stepKey(
  kind: StepKind,
  fields: Readonly<Record<string, KeyField>>,
  args: ReadonlySet<string> = new Set(),
): StepKey {
  return { key: cacheKey([kind, stepVersion, fields]), kind, fields, args }
}
