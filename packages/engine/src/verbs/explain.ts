import type { LedgerEntry } from '@gantry/linux'
import type { Context } from '../context.ts'
import { containerOwner, runOwner, type ContainerRecord } from '../container/record.ts'

/** A container, and every change of the operating system that was made for it and its present or last run, in order. */
export interface ContainerExplanation {
  readonly record: ContainerRecord
  readonly entries: readonly LedgerEntry[]
}

/** Tells what a container is made of, from the ledger. What earlier runs had is left out. @throws EngineError CONTAINER_UNKNOWN */
export function explain(context: Context, reference: string): ContainerExplanation {
  const record = context.containers.find(reference)
  const { id, progress } = record
  const owner = containerOwner(id)
  const present = runOwner(id, progress.run)
  const entries = context.ledger
    .history(owner)
    .filter((entry) => entry.owner === owner || entry.owner === present || entry.owner.startsWith(`${present}/`))
  return { record, entries }
}
