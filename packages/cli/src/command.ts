import type { Context } from './context.ts'
import type { FlagSet, FlagValues } from './flags/flag.ts'

/** How many arguments a command takes. */
export interface Arity {
  readonly min: number
  /** No limit when undefined. */
  readonly max: number | undefined
}

/** One command, ready to be dispatched: a page of its own under `commands/`. */
export interface Command {
  /** As it is typed after `gantry`: `run`, `network create`. */
  readonly name: string
  readonly aliases: readonly string[]
  readonly summary: string
  /** What follows the name: `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string
  /** Text shown below the summary by `--help`. */
  readonly details: string | undefined
  readonly flags: FlagSet
  readonly arity: Arity
  readonly stopAtFirstArgument: boolean
  /** The exit code of an error that has none of its own: 125 where the container's codes share the range, else 1. */
  readonly failure: number
  /** Resolves with the exit code; undefined is 0. */
  run(context: Context, values: unknown, args: readonly string[]): Promise<number | void>
}

/** What a command file writes; `defineCommand` erases the types of the flags. */
export interface CommandPage<F extends FlagSet> {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly summary: string
  readonly usage: string
  readonly details?: string
  readonly flags: F
  readonly arguments: readonly [min: number, max?: number]
  readonly stopAtFirstArgument?: boolean
  readonly failure?: number
  run(input: {
    readonly context: Context
    readonly flags: FlagValues<F>
    readonly args: readonly string[]
  }): Promise<number | void>
}

/** Makes a command of its page: the flags' types reach `run`, and the table sees one plain shape. */
export function defineCommand<const F extends FlagSet>(page: CommandPage<F>): Command {
  return {
    name: page.name,
    aliases: page.aliases ?? [],
    summary: page.summary,
    usage: page.usage,
    details: page.details,
    flags: page.flags,
    arity: { min: page.arguments[0], max: page.arguments[1] },
    stopAtFirstArgument: page.stopAtFirstArgument ?? false,
    failure: page.failure ?? 1,
    // parseFlags makes the values from these very flags.
    run: (context, values, args) => page.run({ context, flags: values as FlagValues<F>, args }),
  }
}
