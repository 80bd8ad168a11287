/**
 * One option of a command: how it is written, what its text means, and what help shows.
 *
 * `parse` folds each occurrence into the value so far, so a repeated flag can collect (lists) or replace (texts).
 */
export interface Flag<T> {
  readonly short: string | undefined
  /** The word help shows for the value; empty for a boolean. */
  readonly type: string
  readonly help: string
  readonly initial: T
  /** The value of the flag when it stands without one (booleans); undefined when a value is required. */
  readonly bare: string | undefined
  readonly shownDefault: string | undefined
  /** @throws Error whose message says what is wrong with the text; the parser adds the flag's name. */
  parse(text: string, before: T): T
}

/** The flags of a command by their long names. */
export type FlagSet = Readonly<Record<string, Flag<unknown>>>

/** What a command receives for its flags. */
export type FlagValues<F extends FlagSet> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never }

interface Options<T> {
  short?: string
  initial?: T
  type?: string
}

function make<T>(
  help: string,
  options: Options<T>,
  rest: Pick<Flag<T>, 'type' | 'initial' | 'parse'> & { bare?: string },
): Flag<T> {
  const shown = options.initial
  return {
    short: options.short,
    type: options.type ?? rest.type,
    help,
    initial: rest.initial,
    bare: rest.bare,
    shownDefault:
      shown === undefined || shown === false || shown === ''
        ? undefined
        : typeof shown === 'string'
          ? `"${shown}"`
          : String(shown),
    parse: rest.parse,
  }
}

const truths: Readonly<Record<string, boolean>> = {
  '1': true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  '0': false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
}

/** A flag that stands alone: `--rm`, `--rm=false`. */
export function boolean(help: string, options: Options<boolean> = {}): Flag<boolean> {
  return make<boolean>(help, options, {
    type: '',
    initial: options.initial ?? false,
    bare: 'true',
    parse: (text) => {
      const value = truths[text]
      if (value === undefined) throw new Error(`"${text}" is neither true nor false`)
      return value
    },
  })
}

/** A flag with one text; the last occurrence counts. Undefined when it was not given. */
export function text(help: string, options: Options<string> = {}): Flag<string | undefined> {
  return make<string | undefined>(help, options, { type: 'string', initial: options.initial, parse: (value) => value })
}

/** A text that must be one of a few words. */
export function choice<const W extends string>(
  help: string,
  words: readonly W[],
  options: Options<W> = {},
): Flag<W | undefined> {
  return make<W | undefined>(help, options, {
    type: 'string',
    initial: options.initial,
    parse: (value) => {
      const word = words.find((candidate) => candidate === value)
      if (word === undefined) throw new Error(`must be one of ${words.join(', ')}`)
      return word
    },
  })
}

/** A flag that may be repeated; every occurrence adds one value. `check` refuses a bad one early. */
export function list(
  help: string,
  options: Options<readonly string[]> & { check?: (value: string) => void } = {},
): Flag<readonly string[]> {
  return make<readonly string[]>(help, options, {
    type: 'list',
    initial: options.initial ?? [],
    parse: (value, before) => {
      options.check?.(value)
      return [...before, value]
    },
  })
}

/** A whole number. */
export function integer(help: string, options: Options<number> = {}): Flag<number | undefined> {
  return make<number | undefined>(help, options, {
    type: 'int',
    initial: options.initial,
    parse: (value) => {
      if (!/^[+-]?\d+$/.test(value)) throw new Error(`"${value}" is not a whole number`)
      return Number(value)
    },
  })
}

/** A value with its own grammar, such as bytes or a duration. */
export function parsed<T>(
  help: string,
  type: string,
  parse: (value: string) => T,
  options: Omit<Options<T>, 'type'> = {},
): Flag<T | undefined> {
  return make<T | undefined>(help, options, { type, initial: options.initial, parse: (value) => parse(value) })
}
