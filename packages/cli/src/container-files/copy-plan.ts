import { CliError } from '../cli-error.ts'

/** What is copied. */
export interface CopySource {
  /** As it was written. */
  readonly path: string
  /** Its last name; `/` of the root. */
  readonly name: string
  readonly isDirectory: boolean
}

/** Where it goes, as it is found there. */
export interface CopyTarget {
  /** As it was written. */
  readonly path: string
  readonly state: 'directory' | 'file' | 'missing'
}

/** Which directory is written into, and what the copy is called there; `.` is the directory itself. */
export interface CopyPlan {
  readonly directory: string
  readonly name: string
}

/**
 * Decides where a copy goes, by Docker's rules: into a directory that is there, over a file that is, else under the name that was
 * given. After `/.` it is the content of a directory that is copied. Pure.
 *
 * @throws CliError INVALID
 */
export function planCopy(source: CopySource, target: CopyTarget): CopyPlan {
  const content = /(?:^|\/)\.$/.test(source.path) || source.name === '/'
  if (target.state === 'directory') return { directory: target.path, name: content ? '.' : source.name }
  if (target.state === 'file' && source.isDirectory)
    throw new CliError('INVALID', `Cannot copy the directory "${source.path}" to "${target.path}": that is a file`)
  if (target.state === 'missing' && !source.isDirectory && /(?:^|\/)\.?$/.test(target.path))
    throw new CliError('INVALID', `Cannot copy to "${target.path}": there is no such directory`)
  const plain = target.path.replace(/(?:\/\.?)+$/, '')
  const slash = plain.lastIndexOf('/')
  const directory = slash < 0 ? '.' : slash === 0 ? '/' : plain.slice(0, slash)
  return { directory, name: plain.slice(slash + 1) }
}

/** An argument of `cp`: a path in a container, a path here, or a stream. */
export type CopyPlace =
  | { readonly kind: 'container'; readonly container: string; readonly path: string }
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'stream' }

/** Reads `CONTAINER:PATH`, `PATH` or `-`. A path that begins with a dot or a slash is one of this machine. Pure. */
export function parsePlace(text: string): CopyPlace {
  if (text === '-') return { kind: 'stream' }
  const colon = text.indexOf(':')
  if (colon < 1 || text.startsWith('/') || text.startsWith('.')) return { kind: 'local', path: text }
  return { kind: 'container', container: text.slice(0, colon), path: text.slice(colon + 1) }
}

/** What an entry of an archive is called after a plan; its names begin with that of the source. Pure. */
export function renamed(entry: string, { from, to }: { from: string; to: string }): string {
  const rest =
    from === '.' || from === '/' ? (entry === '.' ? '' : entry) : entry === from ? '' : entry.slice(from.length + 1)
  if (to === '.') return rest === '' ? '.' : rest
  return rest === '' ? to : `${to}/${rest}`
}
