import { CliError } from '../cli-error.ts'

/** Reads `NAME=VALUE` and `NAME-`, which takes it away. @throws {CliError} INVALID */
export function keyed(what: string, entries: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(
    entries.map((entry): [string, string | undefined] => {
      const equals = entry.indexOf('=')
      if (equals > 0) return [entry.slice(0, equals), entry.slice(equals + 1)]
      if (equals < 0 && entry.length > 1 && entry.endsWith('-')) return [entry.slice(0, -1), undefined]
      throw new CliError('INVALID', `Cannot read the ${what} "${entry}": it is neither NAME=VALUE nor NAME-`)
    }),
  )
}

/** Reads members of a set, `MEMBER-` for one to be taken away. */
export function removable(entries: readonly string[]): Record<string, boolean> {
  return Object.fromEntries(
    entries.map((entry): [string, boolean] => (entry.endsWith('-') ? [entry.slice(0, -1), false] : [entry, true])),
  )
}

/** Reads the words of a command: a JSON list, or words between spaces with quotes as a shell has them. @throws {CliError} INVALID */
export function commandWords(text: string): readonly string[] {
  if (text.trimStart().startsWith('[')) {
    try {
      const value: unknown = JSON.parse(text)
      if (Array.isArray(value) && value.every((each): each is string => typeof each === 'string')) return value
    } catch {
      // Told below.
    }
    throw new CliError('INVALID', `Cannot read the command ${JSON.stringify(text)}: it is no JSON list of texts`)
  }
  const words = [...text.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+|\S/g)].map(([word]) => unquote(word))
  if (words.some((word) => word === undefined)) {
    throw new CliError('INVALID', `Cannot read the command ${JSON.stringify(text)}: a quote is not closed`)
  }
  return words.filter((word) => word !== undefined)
}

/** Reads a time as RFC 3339 or seconds since 1970 and writes it as configurations have it. @throws {CliError} INVALID */
export function momentText(text: string): string {
  const moment = /^\d+$/.test(text) ? new Date(Number(text) * 1000) : new Date(text)
  if (/^\d{4}-\d\d-\d\d|^\d+$/.test(text) && !Number.isNaN(moment.getTime())) {
    return moment.toISOString().replace('.000Z', 'Z')
  }
  throw new CliError('INVALID', `Cannot read the time "${text}": it is neither RFC 3339 nor seconds since 1970`)
}

/** A word without its quotes, as a shell reads it; undefined for a quote or escape that stands alone. */
function unquote(word: string): string | undefined {
  if (/^["'\\]$/.test(word)) return undefined
  return word.replaceAll(
    /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g,
    (_all, double?: string, single?: string, escaped?: string) => {
      return double?.replaceAll(/\\(["\\$`])/g, '$1') ?? single ?? escaped ?? ''
    },
  )
}
