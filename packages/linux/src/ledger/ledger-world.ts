import type { BatchChange, Door } from './door.ts'
import type { FaultStep, Faults } from './fault.ts'
import { LedgerError } from './ledger-error.ts'
import type { EntryRow, LedgerRows } from './ledger-rows.ts'
import type { Owner } from './ledger.ts'
import { isWithin } from './owner-nesting.ts'

/** What the verbs of the ledger share. */
export class LedgerWorld {
  readonly rows: LedgerRows
  readonly bootId: string
  /** The row number of this process as a holder. */
  readonly holder: () => number
  readonly #doors: ReadonlyMap<string, Door>
  readonly #faults: Faults | undefined
  readonly #applying = new Map<Owner, Set<Promise<unknown>>>()

  constructor(options: {
    rows: LedgerRows
    bootId: string
    holder: () => number
    doors: ReadonlyMap<string, Door>
    faults: Faults | undefined
  }) {
    this.rows = options.rows
    this.bootId = options.bootId
    this.holder = options.holder
    this.#doors = options.doors
    this.#faults = options.faults
  }

  fault(step: FaultStep, sequence?: number): void {
    this.#faults?.(step, sequence)
  }

  door(kind: string, owner: Owner): Door {
    const door = this.#doors.get(kind)
    if (door !== undefined) return door
    const message = `Cannot handle a change of kind "${kind}" of "${owner}": this version of Gantry has no door for it (use the version that made it)`
    throw new LedgerError('KIND_UNKNOWN', message, { owner, kind })
  }

  knownDoor(kind: string): Door | undefined {
    return this.#doors.get(kind)
  }

  /** Whether a reboot has taken away what an entry made. */
  isVoid(entry: EntryRow): boolean {
    return entry.bootId !== this.bootId && this.#doors.get(entry.kind)?.lasting !== true
  }

  /** Remembers that changes of an owner are being made, so that undo waits for them. */
  async applying<T>(owner: Owner, work: Promise<T>): Promise<T> {
    const running = this.#applying.get(owner) ?? new Set()
    this.#applying.set(owner, running)
    running.add(work)
    try {
      return await work
    } finally {
      running.delete(work)
      if (running.size === 0) this.#applying.delete(owner)
    }
  }

  /** Waits until what is being made now for an owner and those nested in it is made. */
  async quiet(owner: Owner): Promise<void> {
    const running = [...this.#applying].filter(([each]) => isWithin(each, owner)).flatMap(([, set]) => [...set])
    await Promise.allSettled(running)
  }

  /** Whether something is being made for an owner or those nested in it. */
  isQuiet(owner: Owner): boolean {
    return ![...this.#applying.keys()].some((each) => isWithin(each, owner))
  }
}

/** Splits a list into runs that go through one batch, or single changes without one. */
export function groupByBatch<T extends { readonly door: Door }>(items: readonly T[]): readonly (readonly T[])[] {
  const groups: T[][] = []
  for (const item of items) {
    const last = groups.at(-1)
    if (item.door.batch !== undefined && last?.[0]?.door.batch === item.door.batch) last.push(item)
    else groups.push([item])
  }
  return groups
}

/** An entry as a batch sees it. */
export function batchChange(entry: BatchChange): BatchChange {
  return { kind: entry.kind, args: entry.args, prior: entry.prior, identity: entry.identity }
}
