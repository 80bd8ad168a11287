import type { JsonObject, Json } from './json.ts'

/** A lasting change to the operating system that somebody wants made. Made by the constructors beside the doors. */
export interface Change<Args extends JsonObject = JsonObject> {
  /** Which door makes it. */
  readonly kind: string
  readonly args: Args
  /** One clause for people: why this container, network or build needs it. */
  readonly why: string
  /**
   * For changes that only the caller can carry out (a spawn with inherited descriptors): called between intent and confirmation,
   * and answers with the identity of what it made. Not stored; undo goes by `args` and the identity.
   */
  readonly act?: (signal: AbortSignal | undefined) => Promise<Json>
}

/** What `apply` has made. */
export interface Applied {
  readonly sequence: number
  readonly kind: string
  readonly args: JsonObject
  /** What tells this object from another of the same name: a mount ID, an interface index, an inode, a start time. */
  readonly identity: Json | undefined
}
