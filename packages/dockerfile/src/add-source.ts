/** What a source of ADD is, once its variables are expanded. */
export type AddSource =
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'git'; readonly git: GitSource }

/** A place in a git repository. */
export interface GitSource {
  /** What git is given: `https://host/path.git`, `ssh://user@host/path`, `git@host:path`. Never begins with a dash. */
  readonly remote: string
  /** A branch, tag or commit; `undefined` for the default branch. */
  readonly ref: string | undefined
  /** A directory in it. */
  readonly subdir: string | undefined
  /** The beginning of a commit that it must be. */
  readonly checksum: string | undefined
  readonly keepGitDir: boolean | undefined
  readonly submodules: boolean | undefined
  /** Times of the files: of the checkout or of the commit. */
  readonly mtime: 'checkout' | 'commit' | undefined
}

/** Why an address cannot be used. */
export interface AddressMistake {
  readonly kind: 'mistake'
  readonly message: string
}

/**
 * Tells what a source of ADD, or a build context, is: an address of git (`.git` at the end, `git@…`, `git://`, `ssh://`), of HTTP, or a
 * path.
 */
export function classifySource(text: string): AddSource | AddressMistake {
  const git = parseGitSource(text)
  if (git !== undefined) return 'kind' in git ? git : { kind: 'git', git }
  if (/^https?:\/\//i.test(text)) {
    return URL.canParse(text) ? { kind: 'http', url: text } : mistake(`"${text}" is not an address`)
  }
  return { kind: 'local', path: text }
}

/** Reads an address of git; undefined when it is none. */
export function parseGitSource(text: string): GitSource | AddressMistake | undefined {
  const scp = /^([\w.-]+@[\w.-]+):(?!\/\/)([^?#]+)(\?[^#]*)?(#.*)?$/.exec(text)
  if (scp !== null) {
    const [, login = '', path = '', query = '', fragment = ''] = scp
    // `user@host:path` alone is an address only of git; the user could be an option of ssh, and so could the path of git.
    if (login.startsWith('-') || path.startsWith('-')) return mistake(`"${text}" begins with an option`)
    return withOptions(`${login}:${path}`, query, fragment)
  }
  const match = /^(git|ssh|https?):\/\/([^/?#]+)([^?#]*)(\?[^#]*)?(#.*)?$/i.exec(text)
  if (match === null) return undefined
  const [, scheme = '', authority = '', path = '', query = '', fragment = ''] = match
  const isHttp = /^http/i.test(scheme)
  if (isHttp && !path.endsWith('.git')) return undefined
  if (authority.startsWith('-') || authority.includes('@-')) return mistake(`"${text}" has an option for a host`)
  if (!/^[\w.~%!$&'()*+,;=:@[\]-]+$/.test(authority)) return mistake(`"${text}" has no host`)
  return withOptions(`${scheme.toLowerCase()}://${authority}${path}`, query, fragment)
}

const commit = /^[0-9a-f]{7,64}$/

function withOptions(remote: string, query: string, fragment: string): GitSource | AddressMistake {
  const [before, after] = splitOnce(fragment.slice(1), ':')
  const options = new URLSearchParams(query)
  const known = new Set([
    'ref',
    'tag',
    'branch',
    'subdir',
    'checksum',
    'commit',
    'keep-git-dir',
    'submodules',
    'mtime',
    'fetch-by-commit',
  ])
  for (const name of options.keys()) {
    if (!known.has(name)) return mistake(`the address has the unknown option "${name}"`)
    if (options.getAll(name).length > 1) return mistake(`the address has "${name}" twice`)
  }
  const { tag, branch } = { tag: options.get('tag'), branch: options.get('branch') }
  const refs = [
    before === '' ? null : before,
    options.get('ref'),
    tag && `refs/tags/${tag}`,
    branch && `refs/heads/${branch}`,
  ]
  const given = refs.filter((ref) => ref !== null && ref !== '')
  if (new Set(given).size > 1) return mistake('the address names more than one branch, tag or commit')
  const [ref] = given
  const subdir = after ?? options.get('subdir') ?? undefined
  const checksum = options.get('checksum') ?? options.get('commit') ?? undefined
  const mtime = options.get('mtime') ?? undefined
  if (ref?.startsWith('-') === true) return mistake(`"${ref}" is not a branch, tag or commit`)
  if (subdir !== undefined && subdir.split('/').includes('..'))
    return mistake(`the directory "${subdir}" leads out of the repository`)
  if (checksum !== undefined && !commit.test(checksum)) return mistake(`"${checksum}" is not the beginning of a commit`)
  if (mtime !== undefined && mtime !== 'checkout' && mtime !== 'commit')
    return mistake(`mtime is checkout or commit, not "${mtime}"`)
  const switches = ['keep-git-dir', 'submodules'].map((name) => switchOf(options.get(name)))
  if (switches.includes('odd')) return mistake('keep-git-dir and submodules are true or false')
  const [keepGitDir, submodules] = switches as (boolean | undefined)[]
  return {
    remote,
    ref: ref ?? undefined,
    subdir: subdir === undefined || subdir === '' || subdir === '/' ? undefined : subdir.replace(/^\/+/, ''),
    checksum,
    keepGitDir,
    submodules,
    mtime,
  }
}

function switchOf(value: string | null): boolean | undefined | 'odd' {
  if (value === null) return undefined
  if (value === '' || value === '1' || value === 'true') return true
  return value === '0' || value === 'false' ? false : 'odd'
}

function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function mistake(message: string): AddressMistake {
  return { kind: 'mistake', message }
}
