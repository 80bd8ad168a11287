import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { GitSource } from '@gantry/dockerfile'
import { ProcessError, run } from '@gantry/process'
import { BuildError } from '../build-error.ts'

/** A commit that a source stands for. */
export interface GitCommit {
  readonly id: string
  /** The name under which the server has it, for servers that do not give commits by their ids. */
  readonly ref: string | undefined
}

const fullCommit = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/

/** Protocols that git may use, also for submodules: none that reads this machine's files or runs a program. */
const protocols = ['https', 'http', 'ssh', 'git'].flatMap((name) => ['-c', `protocol.${name}.allow=always`])
const settings = [
  '-c',
  'protocol.allow=never',
  ...protocols,
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'advice.detachedHead=false',
]

/**
 * Asks the server which commit a branch or tag is.
 * @throws BuildError SOURCE_UNREADABLE
 */
export async function resolveCommit(source: GitSource, signal: AbortSignal): Promise<GitCommit> {
  const { remote, ref, checksum } = source
  const commit = await findCommit(source, signal)
  if (checksum !== undefined && !commit.id.startsWith(checksum)) {
    throw new BuildError(
      'SOURCE_UNREADABLE',
      `Cannot take "${remote}": "${ref ?? 'HEAD'}" is the commit ${commit.id}, not ${checksum}`,
    )
  }
  return commit
}

async function findCommit({ remote, ref }: GitSource, signal: AbortSignal): Promise<GitCommit> {
  if (ref !== undefined && fullCommit.test(ref)) return { id: ref, ref: undefined }
  const wanted = ref === undefined ? ['HEAD'] : [ref, `${ref}^{}`]
  const listing = await git(['ls-remote', '--', remote, ...wanted], remote, signal)
  const found = new Map(
    listing.split('\n').flatMap((line): [string, string][] => {
      const [id = '', name = ''] = line.split('\t')
      return fullCommit.test(id) ? [[name, id]] : []
    }),
  )
  const names =
    ref === undefined ? ['HEAD'] : [`refs/tags/${ref}^{}`, `refs/tags/${ref}`, `refs/heads/${ref}`, `${ref}^{}`, ref]
  for (const name of names) {
    const id = found.get(name)
    if (id !== undefined) return { id, ref: name.replace('^{}', '') }
  }
  throw new BuildError('SOURCE_UNREADABLE', `Cannot take "${remote}": it has no branch or tag "${ref ?? 'HEAD'}"`, {
    hint: 'give a commit by its whole id, or check the name',
  })
}

/** How a commit is checked out. */
export interface CheckoutOptions {
  readonly source: GitSource
  readonly commit: GitCommit
  /** A directory that does not exist yet. */
  readonly directory: string
  readonly keepGitDir: boolean
  readonly signal: AbortSignal
}

/** A commit whose files are there. */
export interface CheckedOut {
  /** When it was committed, in seconds since 1970. */
  readonly time: number
}

/** Puts the files of a commit into a directory, its submodules too. @throws BuildError SOURCE_UNREADABLE */
export async function checkOut({
  source,
  commit,
  directory,
  keepGitDir,
  signal,
}: CheckoutOptions): Promise<CheckedOut> {
  const { remote, submodules = true } = source
  const inside = (...args: string[]): Promise<string> => git(['-C', directory, ...args], remote, signal)
  await git(['init', '--quiet', '--', directory], remote, signal)
  await inside('remote', 'add', 'origin', '--', remote)
  try {
    await inside('fetch', '--quiet', '--depth=1', '--no-tags', 'origin', commit.id)
  } catch (error) {
    // Servers need not give a commit by its id; by its name, or with all of the history, they give it.
    if (!(error instanceof BuildError) || signal.aborted) throw error
    await inside(
      'fetch',
      '--quiet',
      'origin',
      ...(commit.ref === undefined ? ['+refs/*:refs/fetched/*'] : [`+${commit.ref}:refs/fetched`]),
    )
  }
  await inside('checkout', '--quiet', '--detach', commit.id)
  if (submodules) await inside('submodule', '--quiet', 'update', '--init', '--recursive', '--depth=1')
  const time = Number(await inside('show', '--no-patch', '--format=%ct', 'HEAD'))
  if (!keepGitDir) await rm(join(directory, '.git'), { recursive: true, force: true })
  return { time }
}

async function git(args: readonly string[], remote: string, signal: AbortSignal): Promise<string> {
  const env = { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: 'true', LC_ALL: 'C', GIT_DIR: undefined }
  try {
    return (await run('git', [...settings, ...args], { env, signal })).stdout
  } catch (cause) {
    signal.throwIfAborted()
    if (!(cause instanceof ProcessError)) throw cause
    if (cause.code === 'NOT_FOUND') {
      throw new BuildError('SOURCE_UNREADABLE', `Cannot take "${remote}": "git" is not installed`, {
        cause,
        hint: 'install git',
      })
    }
    const said = cause.stderr.trim().split('\n').at(-1) ?? cause.message
    throw new BuildError('SOURCE_UNREADABLE', `Cannot take "${remote}": git says: ${said}`, { cause })
  }
}
