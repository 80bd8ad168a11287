import type { Json, JsonObject } from './json.ts'

/** A change in words and as shell commands. */
export interface Description {
  /** One sentence for people, without full stop. */
  readonly sentence: string
  /** The equivalent shell command. */
  readonly command: string
  /** The shell command that takes it back. */
  readonly undo: string
}

/** What a door knows while it acts. */
export interface DoorContext {
  /** What {@link Door.observe} found before the intent was written. */
  readonly prior: Json | undefined
  readonly signal: AbortSignal | undefined
  /** The caller's own way to carry the change out, if the change has one. */
  readonly act: ((signal: AbortSignal | undefined) => Promise<Json>) | undefined
}

/** A change on its way through a batch. */
export interface BatchChange {
  readonly kind: string
  readonly args: JsonObject
  readonly prior: Json | undefined
  /** Undefined when the change was planned, and nobody knows how far it came. */
  readonly identity: Json | undefined
}

/** One spawn or transaction for consecutive changes of several doors. */
export interface Batch {
  /** Whether nothing else depends on these changes, so that taking them back may overlap with what follows. Default: false. */
  readonly independent?: boolean
  /**
   * Makes all changes in order and answers with their identities.
   * @throws BatchError with the index of the change that failed
   */
  apply(changes: readonly BatchChange[], signal: AbortSignal | undefined): Promise<readonly (Json | undefined)[]>
  /** Takes back all changes, which come last first. Idempotent, identity-checked; absence is success. */
  undo(changes: readonly BatchChange[]): Promise<void>
}

/** The one way to make one kind of lasting change. Stateless; what it must remember is in arguments, prior and identity. */
export interface Door<Args extends JsonObject = JsonObject> {
  readonly kind: string
  /** Whether what it makes outlives a reboot. Default: false. After a reboot, undo of other doors is not called. */
  readonly lasting?: boolean
  describe(args: Args): Description
  /**
   * Looks, before the intent is written, at what is there already; undo gets the answer as `prior`. Synchronous and quick.
   * @throws when the change cannot be made (something else has that name)
   */
  observe?(args: Args): Json | undefined
  /** Makes the change and answers with its identity. */
  apply(args: Args, context: DoorContext): Promise<Json | undefined>
  /**
   * Takes the change back. Idempotent; absence is success; what has another identity is left alone. Without an identity the
   * change was planned and may have been made wholly, partly or not at all.
   */
  undo(args: Args, identity: Json | undefined, context: { readonly prior: Json | undefined }): Promise<void>
  /** Consecutive changes whose doors have the same batch go through it, instead of `apply` and `undo`. */
  readonly batch?: Batch
}

/** A batch stopped at one of its changes. */
export class BatchError extends Error {
  override readonly name = 'BatchError'
  /** The change that failed. */
  readonly index: number
  /** The changes that were not begun or left nothing behind; the others are undone. */
  readonly untouched: readonly number[]

  constructor(
    message: string,
    options: { readonly index: number; readonly untouched: readonly number[]; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause })
    this.index = options.index
    this.untouched = options.untouched
  }
}
