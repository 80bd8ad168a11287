import type { Door } from './door.ts'
import type { EntryRow } from './ledger-rows.ts'
import { batchChange, groupByBatch, type LedgerWorld } from './ledger-world.ts'

/** An entry that could not be taken back. */
export interface UndoFailure {
  readonly entry: EntryRow
  readonly error: unknown
}

/**
 * Takes back entries in the order given, and marks those that are gone, all at once in the end: who dies before that has them taken
 * back again, which doors allow. One that fails is left as it is, and the others are still tried: each door checks for itself whether
 * it can act.
 */
export async function undoEntries(world: LedgerWorld, entries: readonly EntryRow[]): Promise<readonly UndoFailure[]> {
  const failures: UndoFailure[] = []
  const open: { readonly door: Door; readonly entry: EntryRow }[] = []
  const gone: EntryRow[] = []
  for (const entry of entries) {
    if (entry.state === 'undone' || entry.state === 'failed') continue
    if (entry.consequence || world.isVoid(entry)) {
      gone.push(entry)
      continue
    }
    try {
      open.push({ door: world.door(entry.kind, entry.owner), entry })
    } catch (error) {
      failures.push({ entry, error })
    }
  }
  const overlapping: Promise<void>[] = []
  for (const group of groupByBatch(open)) {
    const work = undoOne(world, group, { failures, gone })
    if (group[0]?.door.batch?.independent === true) overlapping.push(work)
    else await work
  }
  await Promise.all(overlapping)
  try {
    markUndone(world, gone)
  } catch (error) {
    for (const entry of gone) failures.push({ entry, error })
  }
  world.fault('undo-after-mark', gone[0]?.sequence)
  return failures
}

async function undoOne(
  world: LedgerWorld,
  group: readonly { readonly door: Door; readonly entry: EntryRow }[],
  { failures, gone }: { readonly failures: UndoFailure[]; readonly gone: EntryRow[] },
): Promise<void> {
  const rows = group.map((each) => each.entry)
  try {
    await undoGroup(group)
  } catch (error) {
    for (const entry of rows) failures.push({ entry, error })
    return
  }
  gone.push(...rows)
  world.fault('undo-after-act', rows[0]?.sequence)
}

async function undoGroup(group: readonly { readonly door: Door; readonly entry: EntryRow }[]): Promise<void> {
  const batch = group[0]?.door.batch
  if (batch !== undefined) {
    await batch.undo(group.map((each) => batchChange(each.entry)))
    return
  }
  for (const { door, entry } of group) await door.undo(entry.args, entry.identity, { prior: entry.prior })
}

function markUndone(world: LedgerWorld, entries: readonly EntryRow[]): void {
  if (entries.length === 0) return
  world.rows.transaction(() => {
    for (const entry of entries) world.rows.mark(entry.sequence, 'undone')
  })
}
