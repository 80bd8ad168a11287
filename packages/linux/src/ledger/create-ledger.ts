import type { State } from '@gantry/state'
import { builtInDoors } from '../doors/built-in-doors.ts'
import { apply } from './apply.ts'
import type { Door } from './door.ts'
import { faultsOf, type Faults } from './fault.ts'
import { thisHolder } from './holder.ts'
import { LedgerRows, type EntryRow } from './ledger-rows.ts'
import { LedgerWorld } from './ledger-world.ts'
import type { Consequence, Holder, Ledger, LedgerEntry, Owner } from './ledger.ts'
import { ownerUndoing } from './owner-undoing.ts'
import { recover } from './recover.ts'
import { textOf } from './text-of.ts'
import { undoOwner, undoSome } from './undo.ts'

/** What a ledger is made of. */
export interface LedgerOptions {
  readonly state: State
  /** Doors of other packages, beside the built-in ones. Every process that recovers needs them all. */
  readonly doors?: readonly Door[]
  /** Who makes the changes. Default: this process. */
  readonly holder?: Holder
  /** Write changes down and make none. For a database that is thrown away. Default: false. */
  readonly rehearsal?: boolean
  /** Called at every step. Default: what GANTRY_FAULT_AT asks for. */
  readonly faults?: Faults
}

/** Opens the ledger in a state database that has {@link ledgerMigrations}. Nothing is read, made or recovered yet. */
export function createLedger(options: LedgerOptions): Ledger {
  const doors = new Map<string, Door>()
  for (const door of [...builtInDoors, ...(options.doors ?? [])])
    doors.set(door.kind, options.rehearsal === true ? rehearsed(door) : door)
  const rows = new LedgerRows(options.state)
  const holder = options.holder ?? thisHolder()
  const world = new LedgerWorld({
    rows,
    bootId: holder.bootId,
    holder: () => rows.holder(holder),
    doors,
    faults: options.faults ?? faultsOf(process.env),
  })
  const undoing = new Map<Owner, Promise<void>>()
  return {
    apply: (owner, changes, { signal } = {}) => world.applying(owner, apply(world, owner, changes, signal)),
    consequences: (owner, items) => recordConsequences(world, owner, items),
    settle: (owner) => {
      rows.transaction(() => settle(rows, owner, rows.holder(holder)))
      world.fault('settled')
    },
    adopt: (owner) => rows.transaction(() => rows.adopt(owner, rows.holder(holder))),
    move: (owner, sequences, to) => {
      rows.transaction(() => {
        for (const sequence of sequences) rows.give(sequence, owner, to)
        rows.putOwner(to, 'settled', rows.holder(holder))
      })
    },
    undo: (owner) => {
      const running = undoing.get(owner) ?? undoOwner(world, owner).finally(() => undoing.delete(owner))
      undoing.set(owner, running)
      return running
    },
    undoEntries: (owner, sequences) => undoSome(world, owner, sequences),
    recover: () => recover(world),
    history: (owner) => rows.entries(owner).map((row) => entryOf(world, row)),
    owners: (prefix) =>
      rows.owners(prefix).map(({ owner, state, pid, startTime, bootId }) => ({
        owner,
        state,
        holder: { pid, startTime, bootId },
      })),
  }
}

/** A door that only describes. */
function rehearsed(door: Door): Door {
  const { kind } = door
  return {
    kind,
    describe: (args) => door.describe(args),
    apply: () => Promise.resolve(undefined),
    undo: () => Promise.resolve(),
  }
}

function settle(rows: LedgerRows, owner: Owner, holder: number): void {
  const row = rows.owner(owner)
  if (row?.state === 'undoing') throw ownerUndoing(row)
  // One that has been taken back meanwhile stays gone.
  if (row !== undefined) rows.putOwner(owner, 'settled', holder)
}

function recordConsequences(world: LedgerWorld, owner: Owner, items: readonly Consequence[]): void {
  const { rows } = world
  rows.transaction(() => {
    const holder = world.holder()
    if (rows.owner(owner) === undefined) rows.putOwner(owner, 'making', holder)
    for (const { kind, sentence, why = '', command = '', args = {} } of items) {
      rows.insert({ owner, holder, kind, why, args: { ...args, sentence, command }, state: 'done', consequence: true })
    }
  })
}

function entryOf(world: LedgerWorld, row: EntryRow): LedgerEntry {
  const { sentence: _sentence, command: _command, ...own } = row.args
  const description = row.consequence
    ? { sentence: textOf(row.args, 'sentence') ?? row.kind, command: textOf(row.args, 'command') ?? '', undo: '' }
    : (world.knownDoor(row.kind)?.describe(row.args) ?? { sentence: row.kind, command: '', undo: '' })
  return {
    owner: row.owner,
    sequence: row.sequence,
    kind: row.kind,
    ...description,
    why: row.why,
    args: row.consequence ? own : row.args,
    state: row.state,
    started: row.started,
    consequence: row.consequence,
    ...(row.identity === undefined ? {} : { identity: row.identity }),
    ...(row.duration === undefined ? {} : { duration: row.duration }),
  }
}
