import { isRepositoryName } from '@gantry/oci'
import { grants } from './rules.ts'
import type { Grant } from './rules.ts'

/** What a client asks a token for, or a token is good for. */
export type Scope =
  | { readonly kind: 'repository'; readonly name: string; readonly actions: readonly Grant[] }
  | { readonly kind: 'catalog' }

/** How many a client may ask for at once. */
const mostScopes = 100
const longestText = 32 * 1024

/**
 * Reads scopes such as `repository:team/app:pull,push` and `registry:catalog:*`, several in a text with spaces between them.
 * Those of one repository become one. What cannot be granted anyway (another type, a name that cannot be, an action nobody
 * knows) is left out: to be given less than one asked for is no error.
 *
 * @returns `undefined` when there are too many
 * @see https://github.com/distribution/distribution/blob/v3.0.0/docs/content/spec/auth/scope.md
 */
export function parseScopes(texts: readonly string[]): readonly Scope[] | undefined {
  const words = boundedWords(texts)
  return words === undefined ? undefined : scopesOf(words)
}

/** Reads the scopes of a token, which this registry has written: there are as many as it gave. */
export function readScopes(text: string): readonly Scope[] {
  return scopesOf(text.split(' '))
}

function boundedWords(texts: readonly string[]): readonly string[] | undefined {
  const words: string[] = []
  let length = 0
  for (const text of texts) {
    length += text.length
    if (length > longestText) return undefined
    words.push(...text.split(' ').filter((word) => word !== ''))
    if (words.length > mostScopes) return undefined
  }
  return words
}

function scopesOf(words: readonly string[]): readonly Scope[] {
  const repositories = new Map<string, Set<Grant>>()
  let catalog = false
  for (const word of words) {
    if (word === 'registry:catalog:*') catalog = true
    const [, name = '', list = ''] = /^repository(?:\([a-z]{1,32}\))?:([^:]{1,255}):([a-z*,]{1,255})$/.exec(word) ?? []
    if (!isRepositoryName(name)) continue
    const found = repositories.get(name) ?? new Set()
    repositories.set(name, found)
    const actions = list.split(',')
    for (const grant of grants) if (actions.includes(grant) || actions.includes('*')) found.add(grant)
  }
  return [
    ...[...repositories].map(([name, found]) => {
      return { kind: 'repository' as const, name, actions: grants.filter((grant) => found.has(grant)) }
    }),
    ...(catalog ? [{ kind: 'catalog' as const }] : []),
  ]
}

/** The text of scopes, with spaces between them. */
export function formatScopes(scopes: readonly Scope[]): string {
  return scopes
    .map((scope) =>
      scope.kind === 'catalog' ? 'registry:catalog:*' : `repository:${scope.name}:${scope.actions.join(',')}`,
    )
    .join(' ')
}
