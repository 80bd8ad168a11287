import type { Applied, Change } from './change.ts'
import { BatchError, type Door } from './door.ts'
import type { Json, JsonObject } from './json.ts'
import { LedgerError } from './ledger-error.ts'
import type { EntryRow } from './ledger-rows.ts'
import { batchChange, groupByBatch, type LedgerWorld } from './ledger-world.ts'
import type { Owner } from './ledger.ts'
import { holderLives } from './holder.ts'
import { outerOwners } from './owner-nesting.ts'
import { ownerUndoing } from './owner-undoing.ts'
import { undoEntries } from './undo-entries.ts'

interface Step {
  readonly change: Change
  readonly door: Door
  readonly args: JsonObject
  readonly prior: Json | undefined
  sequence: number
  outcome: { identity: Json | undefined; started: number; duration: number } | undefined
  /** Whether the change was not begun, or failed without leaving anything. */
  clean: boolean
}

/** The ledger's first verb. @see Ledger.apply */
export async function apply(
  world: LedgerWorld,
  owner: Owner,
  changes: readonly Change[],
  signal: AbortSignal | undefined,
): Promise<readonly Applied[]> {
  throwIfAborted(owner, signal)
  const steps = changes.map((change) => plan(world, owner, change))
  world.fault('before-intent')
  const fresh = writeIntent(world, owner, steps)
  world.fault('after-intent', steps[0]?.sequence)
  try {
    for (const group of groupByBatch(steps)) {
      throwIfAborted(owner, signal)
      await act(group, signal)
      world.fault('after-act', group[0]?.sequence)
    }
    world.fault('before-confirm', steps[0]?.sequence)
    world.rows.transaction(() => {
      for (const step of steps) if (step.outcome !== undefined) world.rows.confirm(step.sequence, step.outcome)
    })
  } catch (error) {
    throw await takeBack(world, owner, steps, { fresh, error })
  }
  world.fault('after-confirm', steps[0]?.sequence)
  return steps.map(({ sequence, change, args, outcome }) => ({
    sequence,
    kind: change.kind,
    args,
    identity: outcome?.identity,
  }))
}

function plan(world: LedgerWorld, owner: Owner, change: Change): Step {
  const door = world.door(change.kind, owner)
  // What is stored is what is done: values that JSON does not keep fail here, not at undo.
  const args = JSON.parse(JSON.stringify(change.args)) as JsonObject
  try {
    return { change, door, args, prior: door.observe?.(args), sequence: 0, outcome: undefined, clean: true }
  } catch (error) {
    throw failed(owner, door, args, error)
  }
}

function writeIntent(world: LedgerWorld, owner: Owner, steps: readonly Step[]): boolean {
  return world.rows.transaction(() => {
    const row = world.rows.owner(owner)
    for (const each of [row, ...outerOwners(owner).map((outer) => world.rows.owner(outer))]) {
      if (each?.state === 'undoing') throw ownerUndoing(each)
    }
    const holder = world.holder()
    if (row !== undefined && row.state === 'making' && row.holder !== holder && holderLives(row)) {
      const message = `Cannot change anything for "${owner}": process ${String(row.pid)} is making it (wait until that has ended)`
      throw new LedgerError('OWNER_BUSY', message, { owner })
    }
    // A new owner, or one that a dead process was making.
    if (row === undefined || row.state === 'making') world.rows.putOwner(owner, 'making', holder)
    for (const step of steps) {
      const { change, args, prior } = step
      step.sequence = world.rows.insert({
        owner,
        holder,
        kind: change.kind,
        why: change.why,
        args,
        prior,
        state: 'planned',
        consequence: false,
      })
    }
    return row === undefined
  })
}

async function act(group: readonly Step[], signal: AbortSignal | undefined): Promise<void> {
  const started = Date.now()
  const before = performance.now()
  const batch = group[0]?.door.batch
  let identities: readonly (Json | undefined)[]
  if (batch === undefined) {
    const [step] = group
    if (step === undefined) return
    step.clean = false
    const context = { prior: step.prior, signal, act: step.change.act }
    identities = [await step.door.apply(step.args, context)]
  } else {
    for (const step of group) step.clean = false
    const batched = group.map(({ change, args, prior }) => ({ kind: change.kind, args, prior, identity: undefined }))
    try {
      identities = await batch.apply(batched.map(batchChange), signal)
    } catch (error) {
      if (error instanceof BatchError) {
        for (const [index, step] of group.entries()) step.clean = error.untouched.includes(index)
        throw new StepError(group[error.index], error.cause ?? error)
      }
      throw error
    }
  }
  const duration = performance.now() - before
  group.forEach((step, index) => {
    step.outcome = { identity: identities[index], started, duration }
  })
}

/** Says which of a batch's changes failed. */
class StepError extends Error {
  readonly step: Step | undefined

  constructor(step: Step | undefined, cause: unknown) {
    super('a change failed', { cause })
    this.step = step
  }
}

async function takeBack(
  world: LedgerWorld,
  owner: Owner,
  steps: readonly Step[],
  context: { readonly fresh: boolean; readonly error: unknown },
): Promise<unknown> {
  const reason = context.error instanceof StepError ? context.error.cause : context.error
  const culprit =
    context.error instanceof StepError
      ? context.error.step
      : steps.find((step) => step.outcome === undefined && !step.clean)
  const sequences = new Map(steps.map((step) => [step.sequence, step]))
  const entries = world.rows.entries(owner).flatMap((entry): EntryRow[] => {
    const step = sequences.get(entry.sequence)
    return step === undefined || step.clean ? [] : [{ ...entry, identity: step.outcome?.identity }]
  })
  const failures = await undoEntries(world, entries.toReversed())
  const left = new Set(failures.map((failure) => failure.entry.sequence))
  const errors = failures.map((failure) => failure.error)
  try {
    markTakenBack(world, owner, steps, { ...context, culprit, left })
  } catch (error) {
    errors.push(error)
  }
  if (reason instanceof LedgerError) return reason
  const cause =
    failures.length === 0
      ? reason
      : new AggregateError(
          [reason, ...failures.map((each) => each.error)],
          'taking back the changes before it failed too',
        )
  if (culprit === undefined) return cause
  return failed(owner, culprit.door, culprit.args, cause)
}

function markTakenBack(
  world: LedgerWorld,
  owner: Owner,
  steps: readonly Step[],
  context: { readonly fresh: boolean; readonly culprit: Step | undefined; readonly left: ReadonlySet<number> },
): void {
  world.rows.transaction(() => {
    for (const step of steps) {
      if (context.left.has(step.sequence)) continue
      world.rows.mark(step.sequence, step === context.culprit ? 'failed' : 'undone')
    }
    if (!context.fresh || context.left.size > 0) return
    for (const step of steps) world.rows.dropEntry(step.sequence)
    if (world.rows.entries(owner).length === 0) world.rows.dropOwners(owner)
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function failed(owner: Owner, door: Door, args: JsonObject, cause: unknown): LedgerError {
  let sentence = door.kind
  try {
    sentence = door.describe(args).sentence
  } catch {
    // the arguments are what is wrong
  }
  return new LedgerError('CHANGE_FAILED', `Cannot do this for "${owner}": ${sentence}: ${messageOf(cause)}`, {
    owner,
    kind: door.kind,
    cause,
    ...hintOf(cause),
  })
}

function hintOf(cause: unknown): { hint?: string } {
  if (typeof cause !== 'object' || cause === null || !('hint' in cause)) return {}
  return typeof cause.hint === 'string' ? { hint: cause.hint } : {}
}

function throwIfAborted(owner: Owner, signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new LedgerError('ABORTED', `The changes for "${owner}" were cancelled`, { owner, cause: signal.reason })
}
