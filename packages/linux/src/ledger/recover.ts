import { holderLives } from './holder.ts'
import type { OwnerRow } from './ledger-rows.ts'
import type { LedgerWorld } from './ledger-world.ts'
import type { Holder, Owner, RecoverReport } from './ledger.ts'
import { depthOf, isWithin } from './owner-nesting.ts'
import { undoEntries } from './undo-entries.ts'
import { undoOwner } from './undo.ts'

/** Takes back what the dead have left. @see Ledger.recover */
export async function recover(world: LedgerWorld): Promise<RecoverReport> {
  const isDead = deadness()
  const undone: Owner[] = []
  const failed: { owner: Owner; error: unknown }[] = []
  const { claimed, kept } = claim(world, isDead)
  for (const owner of claimed) {
    try {
      await undoOwner(world, owner)
      undone.push(owner)
    } catch (error) {
      failed.push({ owner, error })
    }
  }
  // An interrupted addition to something complete: a network that was being connected to a running container.
  const lost = world.rows.planned().filter((entry) => {
    const row = world.rows.owner(entry.owner)
    return row?.state === 'settled' && entry.holder !== world.holder() && isDead(entry.holder, world)
  })
  const failures = await undoEntries(world, lost.toReversed())
  for (const { entry, error } of failures) failed.push({ owner: entry.owner, error })
  world.rows.transaction(() => {
    const left = new Set(failures.map((failure) => failure.entry))
    for (const entry of lost) if (!left.has(entry)) world.rows.dropEntry(entry.sequence)
    world.rows.dropHolders()
  })
  return { undone, kept, failed }
}

// In one transaction, so that of several recovering processes each takes its own.
function claim(world: LedgerWorld, isDead: DeadCheck): { claimed: readonly Owner[]; kept: readonly Owner[] } {
  return world.rows.transaction(() => {
    const me = world.holder()
    const claimed: Owner[] = []
    const kept: Owner[] = []
    const rows = world.rows.owners().toSorted((one, other) => depthOf(one.owner) - depthOf(other.owner))
    for (const row of rows) {
      if (row.state === 'settled' || row.holder === me || !isDead(row.holder, world, row)) continue
      if (claimed.some((outer) => isWithin(row.owner, outer))) continue
      if (row.state === 'making' && world.rows.hasRun(row.owner)) {
        // Something of it has run: what it holds may be somebody's work, which only an explicit undo removes.
        world.rows.claim(row.owner, row.holder, 'settled', me)
        kept.push(row.owner)
      } else if (world.rows.claim(row.owner, row.holder, 'undoing', me)) {
        claimed.push(row.owner)
      }
    }
    return { claimed, kept }
  })
}

type DeadCheck = (holder: number, world: LedgerWorld, row?: OwnerRow) => boolean

function deadness(): DeadCheck {
  const known = new Map<number, boolean>()
  return (holder, world, row) => {
    let dead = known.get(holder)
    if (dead === undefined) {
      const identity: Holder | undefined = row ?? world.rows.holderOf(holder)
      dead = identity === undefined || !holderLives(identity)
      known.set(holder, dead)
    }
    return dead
  }
}
