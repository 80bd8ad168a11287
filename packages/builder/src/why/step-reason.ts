/** Why a step ran, or why it did not have to. */
export type StepReason =
  /** Its result was known. */
  | {
      readonly kind: 'hit'
      /**
       * `key`: every input is as it was. `content`: inputs changed, but what the step makes is a known layer. `shared`: another step of this
       * build, or another build at the same time, made it. `imported`: a cache that was imported has it.
       */
      readonly how: 'key' | 'content' | 'shared' | 'imported'
      /** The imported cache. */
      readonly from?: string
      /** What changed all the same; with `content` only. */
      readonly changes: readonly StepChange[]
    }
  /** It was run. */
  | {
      readonly kind: 'miss'
      /**
       * `new`: no build before had such a step. `changed`: inputs changed. `forced`: the cache was not to be used. `lost`: nothing changed,
       * but the result is not there any more.
       */
      readonly how: 'new' | 'changed' | 'forced' | 'lost'
      readonly changes: readonly StepChange[]
    }

/** One input that is not what it was when the same step was built before. */
export interface StepChange {
  readonly input:
    | 'instruction'
    | 'file'
    | 'base'
    | 'below'
    | 'argument'
    | 'variable'
    | 'mount'
    | 'source'
    | 'network'
    | 'platform'
    | 'epoch'
    | 'version'
  /** Of the file, variable, mount, or part of the instruction; may be empty. */
  readonly name: string
  readonly change: 'added' | 'removed' | 'changed'
  /** What of a file changed. */
  readonly aspects?: readonly ('type' | 'mode' | 'content' | 'target' | 'hard link')[]
  readonly before?: string
  readonly after?: string
}
