import { readFile, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { type Dockerfile, type IgnoreMatcher, parseDockerfile, parseIgnoreFile } from '@gantry/dockerfile'
import { BuildError } from './build-error.ts'
import { DirectoryTree } from './files/directory-tree.ts'
import { resolvePath } from './files/resolve-path.ts'
import type { BuildOptions } from './options.ts'
import type { OpenedContext } from './remote/open-context.ts'

/** What a build starts from. */
export interface BuildInputs {
  readonly dockerfile: Dockerfile
  readonly ignore: IgnoreMatcher
}

const largest = 16 << 20
const usualNames = ['Dockerfile', 'dockerfile', 'Containerfile']

/**
 * Reads the Dockerfile and the ignore file: `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore` in the
 * context. @throws BuildError DOCKERFILE_UNREADABLE; DockerfileError
 */
export async function readInputs(
  options: Pick<BuildOptions, 'dockerfile' | 'dockerfileText'>,
  context: OpenedContext,
): Promise<BuildInputs> {
  const given = options.dockerfileText ?? context.dockerfile
  if (given !== undefined) {
    const dockerfile = parseDockerfile(given, { file: options.dockerfile ?? 'Dockerfile' })
    return { dockerfile, ignore: context.isRemote ? parseIgnoreFile('') : await readIgnoreFile(context.directory) }
  }
  if (context.isRemote)
    return { dockerfile: await readRemote(context, options.dockerfile), ignore: parseIgnoreFile('') }
  const { path, text } = await readDockerfile(context.directory, options.dockerfile)
  const dockerfile = parseDockerfile(text, { file: options.dockerfile ?? basename(path) })
  return { dockerfile, ignore: await readIgnoreFile(context.directory, path) }
}

/** The ignore file of a directory, or the one that stands beside a Dockerfile. @throws DockerfileError */
export async function readIgnoreFile(directory: string, dockerfile?: string): Promise<IgnoreMatcher> {
  const own = dockerfile === undefined ? undefined : await readText(`${dockerfile}.dockerignore`)
  const shared = own === undefined ? await readText(join(directory, '.dockerignore')) : undefined
  const file = own === undefined || dockerfile === undefined ? '.dockerignore' : `${basename(dockerfile)}.dockerignore`
  return parseIgnoreFile(own ?? shared ?? '', { file })
}

/** What came from elsewhere may hold links to files of this machine: they are followed within the context only. */
async function readRemote({ directory }: OpenedContext, given: string | undefined): Promise<Dockerfile> {
  using tree = new DirectoryTree(directory)
  for (const name of given === undefined ? usualNames : [given]) {
    const content = await tree.readSmall(resolvePath(tree, name, { followLast: true }))
    if (content !== undefined) return parseDockerfile(new TextDecoder().decode(content), { file: name })
  }
  throw notFound(given ?? 'Dockerfile')
}

async function readDockerfile(context: string, given: string | undefined): Promise<{ path: string; text: string }> {
  const paths = given === undefined ? usualNames.map((name) => join(context, name)) : [resolve(given)]
  for (const path of paths) {
    const text = await readText(path)
    if (text !== undefined) return { path, text }
  }
  throw notFound(given ?? join(context, 'Dockerfile'))
}

function notFound(name: string): BuildError {
  return new BuildError('DOCKERFILE_UNREADABLE', `Cannot find a Dockerfile: there is no "${name}"`, {
    hint: 'give its path with -f',
  })
}

async function readText(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path)
    if (size > largest) throw new BuildError('DOCKERFILE_UNREADABLE', `Cannot read "${path}": it has ${size} bytes`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof BuildError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new BuildError('DOCKERFILE_UNREADABLE', `Cannot read "${path}": ${message}`, { cause: error })
  }
}
