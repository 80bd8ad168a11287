import type { RegistryAction } from '../principal.ts'
import type { Glob } from './glob.ts'

/** What a rule gives; `catalog` follows from it: who may pull or push to a repository is told that it is there. */
export type Grant = 'pull' | 'push' | 'delete'

/** All that can be granted. */
export const grants: readonly Grant[] = ['pull', 'push', 'delete']

/** Gives whom it names actions on the repositories whose names match. There are no rules that take away. */
export interface Rule {
  readonly repositories: readonly Glob[]
  readonly actions: readonly Grant[]
}

/** A rule of the registry. */
export interface AccessRule extends Rule {
  /** `anonymous` and `everyone` (the same: whoever asks), `users` (everybody who is known), `user:NAME`, `group:NAME`, `key:NAME`. */
  readonly who: readonly string[]
}

/** Who asks, once it is known. */
export interface Subject {
  readonly kind: 'anonymous' | 'user' | 'key'
  /** The user's name, or that of the key. */
  readonly name: string
  /** The user, also of a key that is a user's: what `{user}` stands for. */
  readonly user?: string
  /** What a key is confined to. */
  readonly confined?: readonly Rule[]
}

/** What the registry's configuration says of who may do what. */
export interface RuleBook {
  /** Without rules whoever is known may do everything. */
  readonly rules?: readonly AccessRule[]
  readonly groups?: Readonly<Record<string, readonly string[]>>
}

/** Whether somebody may do something with a repository. */
export function isAllowed(book: RuleBook, subject: Subject, repository: string, action: RegistryAction): boolean {
  const { kind, user, confined } = subject
  if (confined !== undefined && !allows(confined, user, repository, action)) return false
  // A key that is nobody's needs no rule of the registry besides its own.
  if (kind === 'key' && user === undefined && confined !== undefined) return true
  if (book.rules === undefined) return kind !== 'anonymous'
  const names = namesOf(book, subject)
  const own = book.rules.filter(({ who }) => who.some((name) => names.has(name)))
  return allows(own, user, repository, action)
}

/** Whether there is anything that somebody may pull or push: otherwise there is no catalogue for them either. */
export function isAllowedAnything(book: RuleBook, subject: Subject): boolean {
  if (subject.kind === 'key' && subject.user === undefined && subject.confined !== undefined) return true
  if (book.rules === undefined) return subject.kind !== 'anonymous'
  const names = namesOf(book, subject)
  return book.rules.some(({ who, actions }) => actions.length > 0 && who.some((name) => names.has(name)))
}

function allows(rules: readonly Rule[], user: string | undefined, repository: string, action: RegistryAction): boolean {
  return rules.some(
    ({ repositories, actions }) =>
      (action === 'catalog' ? actions.some((each) => each !== 'delete') : actions.includes(action)) &&
      repositories.some((pattern) => pattern.matches(repository, user)),
  )
}

function namesOf({ groups = {} }: RuleBook, { kind, name, user }: Subject): ReadonlySet<string> {
  // What needs no login is not taken away by one: a client that has credentials sends them with every request.
  const names = new Set(['everyone', 'anonymous'])
  if (kind !== 'anonymous') names.add('users')
  if (kind === 'key') names.add(`key:${name}`)
  if (user === undefined) return names
  names.add(`user:${user}`)
  for (const [group, members] of Object.entries(groups)) if (members.includes(user)) names.add(`group:${group}`)
  return names
}
