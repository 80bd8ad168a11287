import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Ledger } from '@gantry/linux'
import type { Digest } from '@gantry/oci'
import { layerOwner } from './layer-owner.ts'
import type { SnapshotGcOptions } from './snapshots.ts'
import type { LayerRow, SnapshotTable } from './snapshot-table.ts'

// Somebody may have unpacked a layer and be about to prepare a snapshot on it.
const graceMilliseconds = 60_000

/** What is collected, and what stays. */
export interface Garbage {
  readonly directory: string
  readonly table: SnapshotTable
  readonly ledger: Ledger
  readonly options: SnapshotGcOptions
}

/**
 * Removes layers that neither a chain to keep nor a snapshot stands on and that were idle for long enough, and forgets
 * snapshots whose directory went with its owner. The row goes first, so that nobody builds on what is being removed.
 */
export async function collectGarbage({
  directory,
  table,
  ledger,
  options: { keep = [], only, grace = graceMilliseconds },
}: Garbage): Promise<{ readonly removed: readonly Digest[]; readonly bytes: number }> {
  for (const { key, n } of table.uppers()) {
    if (!existsSync(join(directory, String(n)))) table.dropUpper(key)
  }
  await removeOrphans(table, ledger)
  const kept = new Set(keep.flatMap((chain) => table.lineage(chain)?.map((row) => row.chain) ?? []))
  const idleSince = Date.now() - grace
  const candidates = only === undefined ? undefined : new Set(only)
  const removed: LayerRow[] = []
  // Topmost first: a layer can go when nothing stands on it any more.
  for (const row of table.layers().toReversed()) {
    if (kept.has(row.chain) || row.used > idleSince || candidates?.has(row.chain) === false) continue
    if (!table.dropLayer(row.chain)) continue
    removed.push(row)
    await ledger.undo(layerOwner(row.n))
  }
  return { removed: removed.map((row) => row.chain), bytes: removed.reduce((sum, row) => sum + row.bytes, 0) }
}

/** Directories of layers whose row is gone: whoever removed them was killed in between. */
async function removeOrphans(table: SnapshotTable, ledger: Ledger): Promise<void> {
  const known = new Set(table.numbers().map(layerOwner))
  for (const { owner, state } of ledger.owners('layer')) {
    if (state === 'settled' && !known.has(owner)) await ledger.undo(owner)
  }
}
