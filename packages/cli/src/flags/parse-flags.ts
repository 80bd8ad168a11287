import { CliError } from '../cli-error.ts'
import type { Flag, FlagSet, FlagValues } from './flag.ts'

/** What a command line says: the flags' values and the arguments that are no flags. */
export interface ParsedFlags<F extends FlagSet> {
  readonly values: FlagValues<F>
  readonly args: readonly string[]
  /** `--help` (or `-h`, where the command has no flag of that letter) was given: nothing else was checked after it. */
  readonly help: boolean
}

/**
 * Parses a command line as docker's CLI does (pflag): `--flag=value`, `--flag value`, `-f value`, `-fvalue`, `-f=value`,
 * combined short booleans (`-it`), repeated flags, and `--` after which everything is an argument.
 *
 * With `stopAtFirstArgument` the first argument ends the flags, so that `run IMAGE ls -l` leaves `-l` to `ls`.
 *
 * @throws CliError USAGE for an unknown flag, a missing value or a value that does not parse.
 */
export function parseFlags<F extends FlagSet>(
  flags: F,
  line: readonly string[],
  options: { stopAtFirstArgument?: boolean } = {},
): ParsedFlags<F> {
  const values: Record<string, unknown> = {}
  const byLetter = new Map<string, string>()
  for (const [name, flag] of Object.entries(flags)) {
    values[name] = flag.initial
    if (flag.short !== undefined) byLetter.set(flag.short, name)
  }
  const args: string[] = []
  let help = false
  let at = 0

  const set = (name: string, flag: Flag<unknown>, text: string): void => {
    try {
      values[name] = flag.parse(text, values[name])
    } catch (error) {
      const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`
      throw new CliError(
        'USAGE',
        `invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }
  const next = (shown: string): string => {
    const value = line[at]
    if (value === undefined) throw new CliError('USAGE', `flag needs an argument: ${shown}`)
    at += 1
    return value
  }
  const long = (word: string): void => {
    const equals = word.indexOf('=')
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals)
    const flag = flags[name]
    if (flag === undefined) {
      if (name === 'help') help = true
      else throw new CliError('USAGE', `unknown flag: --${name}`)
    } else if (equals >= 0) set(name, flag, word.slice(equals + 1))
    else set(name, flag, flag.bare ?? next(`--${name}`))
  }
  const short = (word: string): void => {
    for (let index = 1; index < word.length && !help; index += 1) {
      const letter = word.charAt(index)
      const name = byLetter.get(letter)
      const flag = name === undefined ? undefined : flags[name]
      if (name === undefined || flag === undefined) {
        if (letter !== 'h') throw new CliError('USAGE', `unknown shorthand flag: '${letter}' in ${word}`)
        help = true
        return
      }
      const rest = word.slice(index + 1)
      if (rest.startsWith('=')) return set(name, flag, rest.slice(1))
      if (flag.bare === undefined) return set(name, flag, rest === '' ? next(`'${letter}' in ${word}`) : rest)
      set(name, flag, flag.bare)
    }
  }

  while (at < line.length) {
    const word = line[at] ?? ''
    at += 1
    if (word === '--') break
    if (word.startsWith('--')) long(word)
    else if (word.startsWith('-') && word !== '-') short(word)
    else {
      args.push(word)
      if (options.stopAtFirstArgument === true) break
    }
    if (help) break
  }
  args.push(...line.slice(at))
  // Every value is its flag's initial value or what that flag's own parser made of a text.
  return { values: values as FlagValues<F>, args, help }
}
