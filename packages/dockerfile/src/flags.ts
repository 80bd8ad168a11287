import type { Text } from './range.ts'
import type { Source } from './source.ts'
import { suggest } from './suggest.ts'
import { isBlank, type Rest } from './words.ts'

/** A flag as written, `--name` or `--name=value`, quotes and escapes removed. */
export interface Flag {
  readonly name: string
  readonly value: Text | undefined
  readonly written: Text
}

/** Takes the flags off the front of an instruction; a lone `--` ends them. */
export function readFlags(rest: Rest): { readonly flags: readonly Flag[]; readonly rest: Rest } {
  const flags: Flag[] = []
  const text = rest.line.text
  let at = rest.start
  for (;;) {
    while (at < rest.end && isBlank(text[at])) at++
    if (!text.startsWith('--', at) || at + 2 > rest.end) break
    const start = at
    let word = ''
    let quote = ''
    while (at < rest.end) {
      const character = text[at]!
      if (quote === '' && isBlank(character)) break
      if (character === '\\') {
        word += text[at + 1] ?? ''
        at += 2
        continue
      }
      at++
      if (quote === '' && (character === '"' || character === "'")) quote = character
      else if (character === quote) quote = ''
      else word += character
    }
    at = Math.min(at, rest.end)
    if (word === '--') break
    flags.push(flagOf(word, start, at, rest))
  }
  while (at < rest.end && isBlank(text[at])) at++
  return { flags, rest: { ...rest, start: at } }
}

function flagOf(word: string, start: number, end: number, rest: Rest): Flag {
  const written = rest.line.slice(start, end)
  const equals = word.indexOf('=')
  if (equals === -1) return { name: word.slice(2), value: undefined, written }
  const at = rest.line.text.indexOf('=', start)
  return {
    name: word.slice(2, equals),
    value: { text: word.slice(equals + 1), range: rest.line.range(at + 1, end) },
    written,
  }
}

/** Which flags an instruction knows: taken with a value, or known to the language but not built yet. */
export interface FlagTable {
  readonly values: readonly string[]
  readonly unsupported: readonly string[]
}

/**
 * Checks the flags of one instruction against what it knows and returns their values by name.
 * @throws DockerfileError FLAG_UNKNOWN, FLAG_INVALID (given twice, or without a value), NOT_SUPPORTED
 */
export function takeFlags(
  flags: readonly Flag[],
  keyword: string,
  table: FlagTable,
  source: Source,
): ReadonlyMap<string, Text> {
  const values = new Map<string, Text>()
  for (const flag of flags) {
    const { range } = flag.written
    if (table.unsupported.includes(flag.name)) {
      source.fail('NOT_SUPPORTED', `${keyword} --${flag.name} is not supported yet`, range)
    }
    if (!table.values.includes(flag.name)) {
      const near = suggest(flag.name, [...table.values, ...table.unsupported])
      const hint = near === undefined ? undefined : `did you mean --${near}?`
      source.fail('FLAG_UNKNOWN', `${keyword} has no flag --${flag.name}`, range, hint)
    }
    if (values.has(flag.name)) source.fail('FLAG_INVALID', `${keyword} --${flag.name} is given twice`, range)
    if (flag.value === undefined || flag.value.text === '') {
      source.fail('FLAG_INVALID', `${keyword} --${flag.name} needs a value: --${flag.name}=VALUE`, range)
    }
    values.set(flag.name, flag.value)
  }
  return values
}
