import type { Globals } from './context.ts'
import { boolean, text } from './flags/flag.ts'
import type { Flag } from './flags/flag.ts'
import { parseFlags } from './flags/parse-flags.ts'

/** The options that may stand before a command. */
export const globalFlags: {
  readonly debug: Flag<boolean>
  readonly help: Flag<boolean>
  readonly host: Flag<string | undefined>
  readonly root: Flag<string | undefined>
  readonly version: Flag<boolean>
} = {
  debug: boolean('Print the stack of an error, as GANTRY_DEBUG=1 does', { short: 'D' }),
  help: boolean('Print usage'),
  host: text("The daemon's socket, as unix:///PATH (GANTRY_HOST)", { short: 'H' }),
  root: text('The directory that holds images and containers (GANTRY_ROOT)', { type: 'dir' }),
  version: boolean('Print version information and quit', { short: 'v' }),
}

/** Parses the options before the command; `--version` and `--help` become the commands they mean. */
export function parseGlobals(line: readonly string[]): { globals: Partial<Globals>; words: readonly string[] } {
  const { values, args, help } = parseFlags(globalFlags, line, { stopAtFirstArgument: true })
  const globals = {
    ...(values.debug ? { debug: true } : {}),
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values.root === undefined ? {} : { root: values.root }),
  }
  if (help || values.help) return { globals, words: ['help', ...args] }
  return { globals, words: values.version ? ['version', '--short'] : args }
}
