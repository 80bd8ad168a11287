import type { Applied, Change } from './change.ts'
import type { Json, JsonObject } from './json.ts'

/**
 * Who a change belongs to: `container/<id>`, `container/<id>/run/<n>`, `network/<name>`, `host`, `build/<id>`, `layer/<n>`.
 * An owner is nested in every owner that is a prefix of it at a slash.
 */
export type Owner = string

/** Where an owner stands. One that has been undone is gone. */
export type OwnerState = 'making' | 'settled' | 'undoing'

/** The process that works on an owner. */
export interface Holder {
  readonly pid: number
  /** Field 22 of /proc/PID/stat. */
  readonly startTime: string
  readonly bootId: string
}

/** An owner, as listed. */
export interface OwnerStatus {
  readonly owner: Owner
  readonly state: OwnerState
  readonly holder: Holder
}

/** One change in the ledger. */
export interface LedgerEntry {
  readonly owner: Owner
  /** Grows over the whole ledger: the order in which things were made. */
  readonly sequence: number
  readonly kind: string
  /** For people. */
  readonly sentence: string
  readonly why: string
  readonly args: JsonObject
  /** The equivalent shell command. */
  readonly command: string
  /** The shell command that takes it back; empty for consequences, which go with what they follow from. */
  readonly undo: string
  readonly state: 'planned' | 'done' | 'undone' | 'failed'
  readonly identity?: Json
  /** Milliseconds since 1970. */
  readonly started: number
  /** Milliseconds; shared by the changes of one batch. */
  readonly duration?: number
  readonly consequence: boolean
}

/** Something that happened because of a change, and goes when it goes. */
export interface Consequence {
  readonly kind: string
  readonly sentence: string
  readonly why?: string
  readonly command?: string
  readonly args?: JsonObject
}

/** What a recovery did. */
export interface RecoverReport {
  readonly undone: readonly Owner[]
  /** Owners that were left, because something of them has already run. */
  readonly kept: readonly Owner[]
  readonly failed: readonly { readonly owner: Owner; readonly error: unknown }[]
}

/** The record of every lasting change to the operating system, written before the change is made. */
export interface Ledger {
  /**
   * Makes changes, in order, for an owner that is thereby `making` (a settled one stays settled). All intents are committed in
   * one transaction before the first change, all confirmations in one after the last. When a change fails or the signal fires,
   * everything this call made is taken back, last first, before it rejects.
   * @throws LedgerError CHANGE_FAILED (cause: what the door said), OWNER_UNDOING, OWNER_BUSY, KIND_UNKNOWN, ABORTED
   */
  apply(
    owner: Owner,
    changes: readonly Change[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<readonly Applied[]>
  /** Records what followed from changes already made, for people. Undone with the owner. */
  consequences(owner: Owner, items: readonly Consequence[]): void
  /** Declares the owner complete: recovery leaves it alone even when its holder has died. Idempotent. */
  settle(owner: Owner): void
  /** Makes this process the holder of an owner and of those nested in it. */
  adopt(owner: Owner): void
  /** Gives changes of one owner to another, settled one: they outlive the first. */
  move(owner: Owner, sequences: readonly number[], to: Owner): void
  /**
   * Takes back everything of an owner, last first, those nested in it before its own. Idempotent; identity-checked; a crash in
   * the middle is resumed by `recover`. One failure does not keep the rest from being taken back.
   * @throws LedgerError UNDO_FAILED (the owner stays `undoing`; calling again tries again), OWNER_BUSY (a live process makes or undoes it)
   */
  undo(owner: Owner): Promise<void>
  /** Takes back a few changes of an owner, which stays. @throws as {@link undo} */
  undoEntries(owner: Owner, sequences: readonly number[]): Promise<void>
  /**
   * Takes back what dead holders left unsettled or half taken back. Never touches what a live process holds. Safe to run at any
   * time, and by several processes at once.
   */
  recover(): Promise<RecoverReport>
  /** The entries of an owner and of those nested in it, in the order they were made. */
  history(owner: Owner): readonly LedgerEntry[]
  /** The owners, optionally those equal to or nested in one. */
  owners(prefix?: Owner): readonly OwnerStatus[]
}
