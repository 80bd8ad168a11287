import { existsSync } from 'node:fs'
import type { Command } from './command.ts'
import type { Globals } from './context.ts'
import type { TableRow } from './table.ts'
import { createContext } from './create-context.ts'
import { parseFlags } from './flags/parse-flags.ts'
import { buildCacheRows, commands, groups } from './table.ts'

/**
 * Runs one command line (without the program's name) and resolves with the exit code. Never rejects: errors are printed
 * to standard error in one shape (see report.ts).
 */
export async function runCommandLine(line: readonly string[]): Promise<number> {
  let words = line
  const globals: { -readonly [K in keyof Globals]: Globals[K] } = {
    root: undefined,
    host: undefined,
    debug: !['', '0', 'false', undefined].includes(process.env['GANTRY_DEBUG']),
  }
  let command: Command | undefined
  try {
    if (words[0]?.startsWith('-') === true) {
      const { parseGlobals } = await import('./parse-globals.ts')
      const parsed = parseGlobals(words)
      Object.assign(globals, parsed.globals)
      words = parsed.words
    }
    const row = underBuild(words) ?? commands[words[0] ?? '']
    const found =
      row === undefined
        ? await lookFurther(words)
        : { row, words: words.slice(row === commands[words[0] ?? ''] ? 1 : 2) }
    if (typeof found === 'number') return found
    command = await found.row.load()
    return await runOne(command, found.words, globals)
  } catch (error) {
    const { report } = await import('./report.ts')
    return report(error, { command, debug: globals.debug })
  }
}

/** `build prune` and `build du`, unless that is a context. */
function underBuild([first, second = '']: readonly string[]): TableRow | undefined {
  if (first !== 'build' || !/^(?:budget|prune|du|df)$/.test(second) || existsSync(second)) return undefined
  return buildCacheRows('budget du df prune')[second]
}

async function runOne(command: Command, words: readonly string[], globals: Globals): Promise<number> {
  const parsed = parseFlags(command.flags, words, { stopAtFirstArgument: command.stopAtFirstArgument })
  if (parsed.help) {
    const { printHelp } = await import('./print-help.ts')
    return printHelp(command)
  }
  const { min, max } = command.arity
  if (parsed.args.length < min || parsed.args.length > (max ?? Infinity)) {
    const { arityError } = await import('./arity-error.ts')
    throw arityError(command, parsed.args.length)
  }
  await using context = createContext(globals)
  return (await command.run(context, parsed.values, parsed.args)) ?? 0
}

/** Words that are no command at the top: groups, `help`, a mistake, or nothing at all. */
async function lookFurther(words: readonly string[]): Promise<{ row: TableRow; words: readonly string[] } | number> {
  const [word = 'help', ...rest] = words
  const group = groups[word]
  const row = group?.commands[rest[0] ?? '']
  if (row !== undefined) return { row, words: rest.slice(1) }
  const { helpOrUnknown } = await import('./print-help.ts')
  return helpOrUnknown(word, rest)
}
