import type { Scope } from './scope.ts'
import type { Subject } from './rules.ts'

/** Who sends a request. */
export interface Identity {
  readonly subject: Subject
  /** What the token they came with is good for; everything they may do, when they came without one. */
  readonly scopes?: readonly Scope[]
  /** Binds tokens to the password or key. */
  readonly bound: string
}

/** Somebody unknown. */
export const nobody: Identity = { subject: { kind: 'anonymous', name: '' }, bound: '' }
