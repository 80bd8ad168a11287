import { StateError } from '@gantry/state'
import { holderLives } from './holder.ts'
import { LedgerError } from './ledger-error.ts'
import type { EntryRow, OwnerRow } from './ledger-rows.ts'
import type { LedgerWorld } from './ledger-world.ts'
import type { Owner } from './ledger.ts'
import { depthOf, outerOwners } from './owner-nesting.ts'
import { undoEntries, type UndoFailure } from './undo-entries.ts'

/** Takes back a whole owner. @see Ledger.undo */
export async function undoOwner(world: LedgerWorld, owner: Owner): Promise<void> {
  // Nothing may begin between the last look and the mark that keeps it from beginning: hence no waiting after that look.
  while (!world.isQuiet(owner)) await world.quiet(owner)
  const entries = begin(world, owner)
  world.fault('undo-begin', entries.at(-1)?.sequence)
  // Those nested deepest come first, and in each the last made.
  const ordered = entries.toSorted(
    (one, other) => depthOf(other.owner) - depthOf(one.owner) || other.sequence - one.sequence,
  )
  const failures = await undoEntries(world, ordered)
  if (failures.length > 0) throw undoFailed(owner, failures)
  world.rows.transaction(() => {
    world.rows.dropOwners(owner)
    const outer = outerOwners(owner).find((each) => world.rows.owner(each) !== undefined)
    if (outer === undefined) {
      world.rows.dropEntries(owner)
    } else {
      // The last run of a container can still be read after it has ended; the ones before it go.
      world.rows.markUndone(owner)
      world.rows.dropFormer(outer, owner)
    }
  })
  world.fault('undo-end')
}

function begin(world: LedgerWorld, owner: Owner): readonly EntryRow[] {
  try {
    world.rows.transaction(() => {
      const holder = world.holder()
      for (const row of world.rows.owners(owner)) {
        refuseBusy(row, holder)
        world.rows.putOwner(row.owner, 'undoing', holder)
      }
    })
  } catch (error) {
    // Taking something back is what frees space: then it is done without being announced, and noted when there is room.
    if (!isDiskFull(error)) throw error
  }
  return world.rows.entries(owner)
}

function isDiskFull(error: unknown): boolean {
  return error instanceof StateError && error.code === 'STATE_FULL'
}

/** Takes back some entries of an owner. @see Ledger.undoEntries */
export async function undoSome(world: LedgerWorld, owner: Owner, sequences: readonly number[]): Promise<void> {
  const wanted = new Set(sequences)
  // Taken back with its owner already, as a rule.
  if (!world.rows.entries(owner).some((entry) => wanted.has(entry.sequence))) return
  const entries = world.rows.transaction((): readonly EntryRow[] => {
    const row = world.rows.owner(owner)
    if (row !== undefined) refuseBusy(row, world.holder())
    return world.rows.entries(owner).filter((entry) => entry.owner === owner && wanted.has(entry.sequence))
  })
  const failures = await undoEntries(world, entries.toReversed())
  if (failures.length > 0) throw undoFailed(owner, failures)
  world.rows.transaction(() => {
    for (const entry of entries) world.rows.dropEntry(entry.sequence)
  })
}

function refuseBusy(row: OwnerRow, holder: number): void {
  if (row.state === 'settled' || row.holder === holder || !holderLives(row)) return
  const doing = row.state === 'making' ? 'making it' : 'taking it back'
  const message = `Cannot take back "${row.owner}": process ${String(row.pid)} is ${doing} (wait until that has ended)`
  throw new LedgerError('OWNER_BUSY', message, { owner: row.owner })
}

function undoFailed(owner: Owner, failures: readonly UndoFailure[]): LedgerError {
  const errors = [...new Set(failures.map((failure) => failure.error))]
  const reasons = errors.map((error) => (error instanceof Error ? error.message : String(error)))
  const message = `Cannot take back ${String(failures.length)} of the changes of "${owner}": ${reasons.slice(0, 3).join('; ')} (mend that and try again)`
  const cause = errors.length === 1 ? errors[0] : new AggregateError(errors, 'several changes could not be taken back')
  return new LedgerError('UNDO_FAILED', message, { owner, cause })
}
