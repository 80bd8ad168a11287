import { readFile, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { type Dockerfile, type IgnoreMatcher, parseDockerfile, parseIgnoreFile } from '@gantry/dockerfile'
import { BuildError } from './build-error.ts'
import type { BuildOptions } from './options.ts'

/** What a build starts from. */
export interface BuildInputs {
  readonly context: string
  readonly dockerfile: Dockerfile
  readonly ignore: IgnoreMatcher
}

const largest = 16 << 20

/**
 * Reads the Dockerfile and the ignore file: `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore` in the
 * context. @throws BuildError CONTEXT_INVALID, DOCKERFILE_UNREADABLE; DockerfileError
 */
export async function readInputs(options: Pick<BuildOptions, 'context' | 'dockerfile'>): Promise<BuildInputs> {
  const context = resolve(options.context)
  const found = await stat(context).catch((error: unknown) => error)
  if (found instanceof Error || !(found as { isDirectory(): boolean }).isDirectory()) {
    const reason = found instanceof Error ? 'it does not exist' : 'it is not a directory'
    throw new BuildError('CONTEXT_INVALID', `Cannot build "${options.context}": ${reason}`, {
      cause: found,
      hint: 'give the directory that COPY reads from, usually "."',
    })
  }
  const { path, text } = await readDockerfile(context, options.dockerfile)
  const own = await readText(`${path}.dockerignore`)
  const shared = own === undefined ? await readText(join(context, '.dockerignore')) : undefined
  const file = own === undefined ? '.dockerignore' : `${basename(path)}.dockerignore`
  return {
    context,
    dockerfile: parseDockerfile(text, { file: options.dockerfile ?? basename(path) }),
    ignore: parseIgnoreFile(own ?? shared ?? '', { file }),
  }
}

async function readDockerfile(context: string, given: string | undefined): Promise<{ path: string; text: string }> {
  const paths =
    given === undefined
      ? ['Dockerfile', 'dockerfile', 'Containerfile'].map((name) => join(context, name))
      : [resolve(given)]
  for (const path of paths) {
    const text = await readText(path)
    if (text !== undefined) return { path, text }
  }
  throw new BuildError(
    'DOCKERFILE_UNREADABLE',
    `Cannot find a Dockerfile: there is no "${given ?? join(context, 'Dockerfile')}"`,
    {
      hint: 'give its path with -f',
    },
  )
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
