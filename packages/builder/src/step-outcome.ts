import type { Descriptor } from '@gantry/oci'
import type { StepKey } from './cache/step-key.ts'
import type { NetworkUse } from './egress/network-use.ts'

/** What a step came to. */
export interface StepOutcome {
  readonly layer: Descriptor
  readonly cached: boolean
  /** What it reached, where that is recorded: also of a step that was done by an earlier build. */
  readonly network?: readonly NetworkUse[] | undefined
}

/** What it came to when the result of a step was looked for. */
export interface StepDecision {
  readonly key: StepKey
  /** How the result was known; missing when the step has to be done. */
  readonly found?: 'key' | 'content' | 'shared'
  /** The imported cache that had it. */
  readonly from?: string | undefined
}

/** What `share` is told of a step. */
export interface SharedStep {
  /** The instruction, for people. */
  readonly text: string
  readonly onDecided: OnDecided
}

/** Called once for each step, before it is done. */
export type OnDecided = (decision: StepDecision) => void
