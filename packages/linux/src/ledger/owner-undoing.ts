import { LedgerError } from './ledger-error.ts'
import type { OwnerRow } from './ledger-rows.ts'

/** The refusal to add to what is being taken back. */
export function ownerUndoing(row: OwnerRow): LedgerError {
  const message = `Cannot change anything for "${row.owner}": it is being taken back by process ${String(row.pid)} (wait until that has ended)`
  return new LedgerError('OWNER_UNDOING', message, { owner: row.owner })
}
