import { isRepositoryName, quote } from '@gantry/oci'
import type { RegistryRequest } from '../exchange.ts'
import { WireError } from '../wire-error.ts'

/** What may be asked of a list. */
export interface ExtensionQuery {
  readonly n: number
  /** Where the page before ended; empty at the beginning. */
  readonly last: string
  /** The words that are all to be in what is found, in lower case. */
  readonly words: readonly string[]
}

const longestText = 255

/** Reads what all lists of the extension take: `n`, `last` and `q`. @throws {WireError} UNSUPPORTED with 400 */
export function parseQuery({ query }: RegistryRequest, limits: { usual: number; most: number }): ExtensionQuery {
  const n = query.get('n') ?? String(limits.usual)
  if (!/^[1-9]\d{0,8}$/.test(n)) throw refused('n', n, 'a number from 1 on')
  const text = query.get('q') ?? ''
  if (text.length > longestText) throw refused('q', `${text.slice(0, 20)}…`, `${longestText} characters at most`)
  return {
    n: Math.min(Number(n), limits.most),
    last: query.get('last') ?? '',
    words: text
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== ''),
  }
}

/** Reads a parameter that is one of a few words, the first if it is absent. @throws {WireError} */
export function parseChoice<W extends string>(
  { query }: RegistryRequest,
  name: string,
  words: readonly [W, ...W[]],
): W {
  const given = query.get(name)
  if (given === null) return words[0]
  const found = words.find((word) => word === given)
  if (found === undefined) throw refused(name, given, `one of ${words.join(', ')}`)
  return found
}

/** Reads the repository that is asked about. @throws {WireError} NAME_INVALID */
export function parseRepository({ query }: RegistryRequest): string | undefined {
  const name = query.get('repository')
  if (name === null || isRepositoryName(name)) return name ?? undefined
  throw new WireError('NAME_INVALID', `${quote(name)} is not a repository name`)
}

function refused(name: string, value: string, allowed: string): WireError {
  return new WireError('UNSUPPORTED', `${name}=${quote(value)}: it must be ${allowed}`, { status: 400 })
}
