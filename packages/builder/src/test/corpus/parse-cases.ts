/** Who else builds the corpus. */
export type Peer = 'docker' | 'buildah'

/** One thing in a build context. */
export interface ContextFile {
  readonly path: string
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink' | 'fifo' | 'tar'
  /** A file's content, a link's target, or the entries of an archive. */
  readonly content: string
  /** Permission bits, where they are said. */
  readonly mode: number | undefined
  /** Attributes of the file: `user.x=1`, or `capability` for one that the kernel knows. */
  readonly xattrs: readonly string[]
}

/** A Dockerfile with what it is built from. */
export interface CorpusCase {
  readonly name: string
  /** What it shows. */
  readonly about: string
  /** Of the traps that other builders fell into, the one that this case shows. */
  readonly trap: string | undefined
  readonly files: readonly ContextFile[]
  readonly target: string | undefined
  readonly buildArgs: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  /** The build fails: the error's code, and its place as `line:column`. */
  readonly error: { readonly code: string; readonly place: string } | undefined
  /** A peer's result is another one, and why that is as it should be. */
  readonly differs: ReadonlyMap<Peer, string>
  /** A peer does not build it, and why. */
  readonly refused: ReadonlyMap<Peer, string>
}

/**
 * Reads cases as they are written in `cases/*.txt`: `=== name`, lines about it, then the files of its context, each after a line
 * `-- path [mode] [word...] --`. `-- link -> target --` is a symbolic link, `-- name = other --` a hard link, a path that ends in a
 * slash a directory. The word `raw` means that the content is a JSON string, `tar` or `tar.gz` that it lists the entries of an archive.
 */
export function parseCases(text: string, file: string): readonly CorpusCase[] {
  return text
    .split(/^=== /m)
    .slice(1)
    .map((part) => parseCase(part, file))
}

function parseCase(part: string, file: string): CorpusCase {
  const pieces = part.split(/^-- (.+) --\n/m)
  const [name = '', ...lines] = (pieces[0] ?? '').trimEnd().split('\n')
  const buildArgs: Record<string, string> = {}
  const labels: Record<string, string> = {}
  const differs = new Map<Peer, string>()
  const refused = new Map<Peer, string>()
  const about: string[] = []
  const found: { target?: string; trap?: string; error?: CorpusCase['error'] } = {}
  for (const line of lines) {
    const [, key = '', value = ''] = /^(\w+): (.*)$/.exec(line) ?? []
    const [first, rest] = splitOnce(value, ' ')
    if (key === 'trap') found.trap = value
    else if (key === 'target') found.target = value
    else if (key === 'arg') buildArgs[splitOnce(value, '=')[0]] = splitOnce(value, '=')[1]
    else if (key === 'label') labels[splitOnce(value, '=')[0]] = splitOnce(value, '=')[1]
    else if (key === 'error') found.error = { code: first, place: rest }
    else if (key === 'differs' && isPeer(first)) differs.set(first, rest)
    else if (key === 'refused' && isPeer(first)) refused.set(first, rest)
    else if (key === '') about.push(line)
    else throw new TypeError(`${file}: case "${name}" has a line that nobody knows: ${line}`)
  }
  const files: ContextFile[] = []
  for (let at = 1; at < pieces.length; at += 2) files.push(parseFile(pieces[at] ?? '', pieces[at + 1] ?? ''))
  const { target, trap, error } = found
  return { name, about: about.join(' '), trap, files, target, buildArgs, labels, error, differs, refused }
}

function isPeer(text: string): text is Peer {
  return text === 'docker' || text === 'buildah'
}

function parseFile(header: string, body: string): ContextFile {
  const none = { mode: undefined, xattrs: [] }
  const symlink = /^(\S+) -> (.+)$/.exec(header)
  if (symlink !== null) return { path: symlink[1] ?? '', kind: 'symlink', content: symlink[2] ?? '', ...none }
  const hardlink = /^(\S+) = (\S+)$/.exec(header)
  if (hardlink !== null) return { path: hardlink[1] ?? '', kind: 'hardlink', content: hardlink[2] ?? '', ...none }
  const [path = '', ...words] = header.split(' ')
  const octal = words.find((word) => /^[0-7]{3,4}$/.test(word))
  const kind = path.endsWith('/')
    ? 'directory'
    : words.includes('fifo')
      ? 'fifo'
      : words.some((word) => word.startsWith('tar'))
        ? 'tar'
        : 'file'
  return {
    path,
    kind,
    content: words.includes('raw') ? String(JSON.parse(body)) : body,
    mode: octal === undefined ? undefined : Number.parseInt(octal, 8),
    xattrs: words.filter((word) => word.startsWith('user.') || word === 'capability'),
  }
}

/** The two sides of the first separator. */
export function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)]
}
