import { BuildError } from '../../build-error.ts'

/** One entry of a `yarn.lock` of Yarn 1. */
export interface YarnEntry {
  readonly version: string
  readonly resolved?: string
  readonly integrity?: string
  readonly dependencies: ReadonlyMap<string, string>
  readonly optionalDependencies: ReadonlyMap<string, string>
}

/** By what is asked for: `name@range`. */
export type YarnClassicLock = ReadonlyMap<string, YarnEntry>

const largest = 64 << 20

/**
 * Reads a `yarn.lock` of Yarn 1: entries at the margin with all that they answer to, then members, then members of groups.
 * @throws BuildError LOCKFILE_INVALID with the line
 */
export function parseYarnClassicLock(text: string, file: string): YarnClassicLock {
  const fail = (line: number, what: string): never => {
    throw new BuildError('LOCKFILE_INVALID', `Cannot read "${file}", line ${line}: ${what}`)
  }
  if (text.length > largest) fail(1, 'it is larger than 64 MiB')
  const lock = new Map<string, YarnEntry>()
  let entry: Draft | undefined
  let group: Map<string, string> | undefined
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const number = index + 1
    if (line.trim() === '' || line.startsWith('#')) continue
    const indent = line.length - line.trimStart().length
    const words = wordsOf(line.trim()) ?? fail(number, 'a quoted text that does not end')
    if (indent === 0) {
      entry = { dependencies: new Map(), optionalDependencies: new Map() }
      group = undefined
      if (!line.endsWith(':')) fail(number, 'an entry without ":"')
      for (const word of words) lock.set(word, entry as YarnEntry)
    } else if (entry === undefined) fail(number, 'a member of no entry')
    else if (indent === 2 && line.endsWith(':')) group = groupOf(entry, words[0] ?? '')
    else if (words.length !== 2) fail(number, 'a member that is not a name and a value')
    else if (indent === 2) setMember(entry, words[0]!, words[1]!)
    else group?.set(words[0]!, words[1]!)
  }
  for (const [key, { version }] of lock) if (version === undefined) fail(1, `the entry "${key}" has no version`)
  return lock
}

type Draft = { -readonly [Key in keyof YarnEntry]?: YarnEntry[Key] } & {
  readonly dependencies: Map<string, string>
  readonly optionalDependencies: Map<string, string>
}

function groupOf(entry: Draft, name: string): Map<string, string> | undefined {
  if (name === 'dependencies') return entry.dependencies
  return name === 'optionalDependencies' ? entry.optionalDependencies : undefined
}

function setMember(entry: Draft, name: string, value: string): void {
  if (name === 'version' || name === 'resolved' || name === 'integrity') entry[name] = value
}

/** Words of a line, quoted ones without their quotes; commas and the colon at the end are between them. */
function wordsOf(line: string): readonly string[] | undefined {
  const words: string[] = []
  let at = 0
  while (at < line.length) {
    const rest = line.slice(at)
    const [gap = ''] = /^[\s,]*:?$|^[\s,]*/.exec(rest) ?? []
    at += gap.length
    if (at >= line.length) break
    if (line[at] === '"') {
      const [quoted] = /^"(?:[^"\\]|\\.)*"/.exec(line.slice(at)) ?? []
      if (quoted === undefined) return undefined
      words.push(quoted.slice(1, -1).replaceAll(/\\(.)/g, '$1'))
      at += quoted.length
    } else {
      const [word = ''] = /^[^\s,]+/.exec(line.slice(at)) ?? []
      const isLast = at + word.length === line.length
      words.push(isLast && word.endsWith(':') ? word.slice(0, -1) : word)
      at += word.length
    }
    if (line.slice(at) === ':') break
  }
  return words
}
