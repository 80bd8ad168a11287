import type { Answer } from '../exchange.ts'
import { schedule } from '../gc/schedule.ts'
import { applyRetention } from './apply-retention.ts'
import type { Applied } from './apply-retention.ts'
import { planRetention } from './plan-retention.ts'
import type { RetentionOptions, RetentionPlan } from './plan-retention.ts'
import type { PullTimes } from './pull-times.ts'
import type { RetentionConfig } from './retention-config.ts'

/** What retention on a schedule is made of. */
export interface ScheduledRetentionOptions extends RetentionOptions {
  readonly config: RetentionConfig
  /** The registry itself, without access control and limits before it. */
  readonly answer: Answer
  readonly pulls: PullTimes
  readonly onError: (error: unknown) => void
  /** Told of each run; `applied` is absent of a dry one. */
  readonly onRun?: (plan: RetentionPlan, applied?: Applied) => void
}

/** Retention on a schedule. Disposing of it stops what is under way, and waits for that. */
export interface Retention extends AsyncDisposable {
  /** What would go now. */
  plan(): Promise<RetentionPlan>
  /** Plans and applies now, or gives the run that is under way; applies nothing when the configuration says so. */
  run(): Promise<void>
}

/** Applies the rules again and again; never, when there are none. */
export function createRetention(options: ScheduledRetentionOptions): Retention {
  const { config, answer, state, pulls, onError, onRun } = options
  const plan = (): Promise<RetentionPlan> => planRetention(options)
  const work = async (signal: AbortSignal): Promise<void> => {
    const made = await plan()
    if (config.dryRun) onRun?.(made)
    else onRun?.(made, await applyRetention({ answer, state, pulls, signal }, made))
  }
  const runs = schedule(work, { every: config.rules.length === 0 ? undefined : config.every, onError })
  return { plan, run: () => runs.run(), [Symbol.asyncDispose]: () => runs[Symbol.asyncDispose]() }
}
