import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { classifySource, type GitSource, largestDockerfile } from '@gantry/dockerfile'
import { extractArchive, SnapshotError } from '@gantry/snapshot'
import { TarError } from '@gantry/tar'
import { BuildError } from '../build-error.ts'
import { archiveIn } from '../files/archive-kind.ts'
import { digestHex } from '@gantry/oci'
import type { Material } from '../attest/provenance.ts'
import { DirectoryTree, walk } from '../files/directory-tree.ts'
import { secondsOf } from '../resolve-epoch.ts'
import { resolvePath } from '../files/resolve-path.ts'
import type { ContextSource } from '../options.ts'
import type { BuilderPorts } from '../ports.ts'
import type { Workspace } from '../workspace.ts'
import { download } from './download.ts'
import { checkOut, resolveCommit } from './git.ts'

/** A context as a directory of this machine. */
export interface OpenedContext {
  readonly directory: string
  /** It came from elsewhere: nothing in it may lead out of it, and ignore files do not count. */
  readonly isRemote: boolean
  /** What came was no context but a Dockerfile, to be built without one. */
  readonly dockerfile?: string
  /** When it was made, in seconds since 1970, where that is known for sure: not of directories of this machine. */
  readonly time?: number | undefined
  /** What came, for the provenance: where from and what it is. */
  readonly material?: Material
}

/** How a context is opened. */
export interface OpenContextOptions {
  readonly workspace: Workspace
  readonly ports: BuilderPorts
  /** Tells several contexts of a build apart. */
  readonly name: string
  readonly keepGitDir?: boolean
  /** Keeps a download from being collected. */
  readonly keep: (digest: Awaited<ReturnType<typeof download>>['digest']) => void
}

/**
 * Makes a directory of what a build is to read from: a directory, a git repository, an archive or a single Dockerfile, by its address
 * or from a stream.
 * @throws BuildError CONTEXT_INVALID, SOURCE_UNREADABLE
 */
export async function openContext(given: ContextSource, options: OpenContextOptions): Promise<OpenedContext> {
  const { workspace, ports, name } = options
  if (typeof given !== 'string') {
    const directory = await workspace.scratchDirectory(workspace.owner, name)
    const file = join(directory, 'stream')
    await pipeline(given.stream, (await open(file, 'wx')).createWriteStream())
    return unpack(file, directory, { ports, what: 'standard input' })
  }
  const source = classifySource(given)
  switch (source.kind) {
    case 'mistake':
      throw new BuildError('CONTEXT_INVALID', `Cannot build from "${given}": ${source.message}`)
    case 'git':
      return openRepository(source.git, options)
    case 'http': {
      const found = await download(source.url, ports, { signal: workspace.signal })
      options.keep(found.digest)
      const directory = await workspace.scratchDirectory(workspace.owner, name)
      const opened = await unpack(ports.store.path(found.digest), directory, { ports, what: `"${given}"` })
      const time = secondsOf(found.modified) ?? newestIn(opened.directory)
      return { ...opened, time, material: { uri: source.url, digest: { sha256: digestHex(found.digest) } } }
    }
    case 'local':
      return openDirectory(given)
  }
}

async function openDirectory(given: string): Promise<OpenedContext> {
  const directory = resolve(given)
  const found = await stat(directory).catch((error: unknown) => error)
  if (!(found instanceof Error) && (found as { isDirectory(): boolean }).isDirectory())
    return { directory, isRemote: false }
  const reason = found instanceof Error ? 'it does not exist' : 'it is not a directory'
  throw new BuildError('CONTEXT_INVALID', `Cannot build "${given}": ${reason}`, {
    cause: found,
    hint: 'give the directory that COPY reads from, usually "."',
  })
}

async function openRepository(source: GitSource, options: OpenContextOptions): Promise<OpenedContext> {
  const { workspace, name } = options
  const { signal } = workspace
  const commit = await resolveCommit(source, signal)
  const scratch = await workspace.scratchDirectory(workspace.owner, name)
  const directory = join(scratch, 'repository')
  const keepGitDir = source.keepGitDir ?? options.keepGitDir ?? false
  const { time } = await checkOut({ source, commit, directory, keepGitDir, signal })
  const place = within(directory, source.subdir ?? '', source.remote)
  return { directory: place, isRemote: true, time, material: gitMaterial(source, commit.id) }
}

/** The time of the newest file of an archive that was unpacked; undefined when there is none. */
function newestIn(directory: string): number | undefined {
  using tree = new DirectoryTree(directory)
  let newest = 0
  for (const [, { mtime, type }] of walk(tree, ''))
    if (type !== 'directory') newest = Math.max(newest, Math.floor(mtime))
  return newest === 0 ? undefined : newest
}

/** A commit of a repository, for the provenance. */
export function gitMaterial({ remote, ref }: GitSource, commit: string): Material {
  const algorithm = commit.length === 64 ? 'sha256' : 'sha1'
  return { uri: ref === undefined ? remote : `${remote}#${ref}`, digest: { [algorithm]: commit } }
}

/** A directory of a repository, whose links do not lead out of it. */
function within(directory: string, path: string, remote: string): string {
  using tree = new DirectoryTree(directory)
  const resolved = resolvePath(tree, path, { followLast: true })
  if (tree.lstat(resolved)?.type === 'directory') return join(directory, resolved)
  throw new BuildError('CONTEXT_INVALID', `Cannot build from "${remote}": it has no directory "${path}"`)
}

async function unpack(
  file: string,
  directory: string,
  { ports, what }: { ports: BuilderPorts; what: string },
): Promise<OpenedContext> {
  const context = join(directory, 'context')
  await mkdir(context)
  const archive = await archiveIn(() => createReadStream(file), ports.codec)
  if (archive === undefined) {
    const { size } = await stat(file)
    if (size > largestDockerfile) {
      throw new BuildError('CONTEXT_INVALID', `Cannot build from ${what}: it is neither an archive nor a Dockerfile`)
    }
    return { directory: context, isRemote: true, dockerfile: await readFile(file, 'utf8') }
  }
  try {
    await extractArchive(archive, context)
  } catch (cause) {
    if (!(cause instanceof TarError) && !(cause instanceof SnapshotError)) throw cause
    throw new BuildError('CONTEXT_INVALID', `Cannot build from ${what}: ${cause.message}`, { cause })
  }
  return { directory: context, isRemote: true }
}
