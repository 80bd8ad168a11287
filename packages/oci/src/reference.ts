import { parseDigest, type Digest } from './digest.ts'
import { OciError } from './errors.ts'
import { quote } from './quote.ts'

/** A full name of an image: registry, repository, and a tag, a digest or both. */
export interface Reference {
  /** Host with optional port: `docker.io`, `localhost:5000`, `[::1]:5000`; or the bare `localhost` of local images. */
  readonly registry: string
  readonly repository: string
  readonly tag?: string
  readonly digest?: Digest
}

const longestName = 255
const label = '(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])'
const registryPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[A-Fa-f0-9:.]+\\])(?::[0-9]{1,5})?$`)
const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`)
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/

/** Whether the text is a repository's name, such as `library/alpine`, as the distribution specification has it. */
export function isRepositoryName(text: string): boolean {
  return text.length <= longestName && repositoryPattern.test(text)
}

/** Whether the text is a tag: at most 128 of letters, digits, `_`, `.` and `-`, not starting with `.` or `-`. */
export function isTag(text: string): boolean {
  return tagPattern.test(text)
}

/**
 * Reads a reference in the way Docker's people write it. Without a registry it is `docker.io`, and there a name of one
 * part is under `library/`; the first part is a registry when it has a `.`, a `:` or an upper-case letter, or is
 * `localhost`. The tag `latest` is added when there is neither a tag nor a digest.
 *
 * @throws {OciError} REFERENCE_INVALID, and DIGEST_INVALID for a malformed digest
 * @see https://github.com/distribution/reference/blob/v0.6.0/reference.go
 */
export function parseReference(text: string): Reference {
  const fail = (problem: string): never => {
    throw new OciError('REFERENCE_INVALID', `Cannot read the reference ${quote(text)}: ${problem}`)
  }
  if (text.length > 1024) return fail('it is longer than 1024 characters')
  const [named = '', digest] = splitOnce(text, text.indexOf('@'))
  const colon = named.lastIndexOf(':')
  const [name = '', tag] = splitOnce(named, colon > named.lastIndexOf('/') ? colon : -1)
  if (name === '') return fail('the name is empty')
  if (/^[a-f0-9]{64}$/.test(name)) return fail('64 hexadecimal digits are an ID, not a name')
  if (tag !== undefined && !isTag(tag)) {
    return fail(
      `the tag ${quote(tag)} is not 1 to 128 letters, digits, "_", "." or "-", starting with neither "." nor "-"`,
    )
  }

  const { registry, repository } = splitRegistry(name)
  if (!registryPattern.test(registry)) return fail(`${quote(registry)} is not a registry's host name`)
  if (repository !== repository.toLowerCase()) return fail('the repository must be in lower case')
  if (!repositoryPattern.test(repository)) {
    return fail('the repository is not parts of lower-case letters and digits, joined by "/", ".", "_", "__" or "-"')
  }
  if (registry.length + 1 + repository.length > longestName) return fail(`the name is longer than ${longestName}`)

  const parsed = digest === undefined ? undefined : parseDigest(digest)
  const finalTag = tag ?? (parsed === undefined ? 'latest' : undefined)
  return {
    registry,
    repository,
    ...(finalTag === undefined ? {} : { tag: finalTag }),
    ...(parsed === undefined ? {} : { digest: parsed }),
  }
}

/** The full name, `docker.io/library/alpine:latest`: the key of names everywhere. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffix(reference)}`
}

/** The short name for people, `alpine:latest`, which {@link parseReference} reads back as the same reference. */
export function familiarReference(reference: Reference): string {
  const { registry, repository } = reference
  if (registry !== 'docker.io') return formatReference(reference)
  const short = /^library\/([^/]+)$/.exec(repository)?.[1]
  if (short !== undefined && !/^[a-f0-9]{64}$/.test(short)) return short + suffix(reference)
  const first = repository.slice(0, repository.indexOf('/'))
  return (isRegistry(first) ? `${registry}/${repository}` : repository) + suffix(reference)
}

function suffix({ tag, digest }: Reference): string {
  return (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`)
}

function splitRegistry(name: string): { registry: string; repository: string } {
  const [first = '', rest] = splitOnce(name, name.indexOf('/'))
  const named = rest !== undefined && isRegistry(first)
  const registry = named ? (first === 'index.docker.io' ? 'docker.io' : first) : 'docker.io'
  const path = named ? rest : name
  return { registry, repository: registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path }
}

function isRegistry(first: string): boolean {
  return first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase()
}

function splitOnce(text: string, at: number): [string] | [string, string] {
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
