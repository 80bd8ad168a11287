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

/** Which flags an instruction knows. */
export interface FlagTable {
  /** Those with a value. */
  readonly values?: readonly string[]
  /** Those that are on or off: `--link`, `--link=false`. */
  readonly switches?: readonly string[]
  /** Those that may be given several times. */
  readonly lists?: readonly string[]
}

/** The flags that an instruction was given, checked. */
export interface Flags {
  value(name: string): Text | undefined
  /** `undefined` when it was not given. */
  isOn(name: string): boolean | undefined
  list(name: string): readonly Text[]
}

/**
 * Checks the flags of one instruction against what it knows.
 * @throws DockerfileError FLAG_UNKNOWN, FLAG_INVALID (given twice, without a value, or a switch that is neither on nor off)
 */
export function takeFlags(flags: readonly Flag[], keyword: string, table: FlagTable, source: Source): Flags {
  const { values = [], switches = [], lists = [] } = table
  const found = new Map<string, Text[]>()
  const on = new Map<string, boolean>()
  for (const flag of flags) {
    const { name, value } = flag
    const { range } = flag.written
    const isSwitch = switches.includes(name)
    if (!isSwitch && !values.includes(name) && !lists.includes(name)) {
      const near = suggest(name, [...values, ...switches, ...lists])
      const hint = near === undefined ? undefined : `did you mean --${near}?`
      source.fail('FLAG_UNKNOWN', `${keyword} has no flag --${name}`, range, hint)
    }
    if (!lists.includes(name) && (found.has(name) || on.has(name))) {
      source.fail('FLAG_INVALID', `${keyword} --${name} is given twice`, range)
    }
    if (isSwitch) {
      if (value !== undefined && !['true', 'false', ''].includes(value.text.toLowerCase())) {
        source.fail('FLAG_INVALID', `${keyword} --${name} is true or false, not "${value.text}"`, value.range)
      }
      on.set(name, value?.text.toLowerCase() !== 'false')
      continue
    }
    if (value === undefined || value.text === '') {
      source.fail('FLAG_INVALID', `${keyword} --${name} needs a value: --${name}=VALUE`, range)
    }
    found.set(name, [...(found.get(name) ?? []), value])
  }
  return {
    value: (name) => found.get(name)?.[0],
    isOn: (name) => on.get(name),
    list: (name) => found.get(name) ?? [],
  }
}
