import { join } from 'node:path'
import { classifySource, type Dockerfile, type GitSource, globalScope } from '@gantry/dockerfile'
import { BuildError } from './build-error.ts'
import type { BuildInput } from './open-build.ts'
import type { BuildOptions } from './options.ts'
import type { BuilderPorts } from './ports.ts'
import { download } from './remote/download.ts'
import { checkOut, resolveCommit } from './remote/git.ts'

const variable = 'SOURCE_DATE_EPOCH'

/**
 * The same options with a number in place of the words that SOURCE_DATE_EPOCH may be:
 *
 *   context  the time of the build's context: of a git repository the commit's; of what came over HTTP what the server says, else that of
 *            the newest file in the archive. A directory of this machine has none: the variable counts as not set.
 *   NAME     the same of a context that was given by that name
 *   STAGE    the time of the one download that a stage `FROM scratch` is made of
 *
 * The variable is a build argument, or an ARG before the first FROM.
 * @throws BuildError OPTIONS_INVALID, SOURCE_UNREADABLE
 * @see https://github.com/moby/buildkit/blob/v0.32.0/docs/build-repro.md
 */
export async function resolveEpoch(
  options: BuildOptions,
  input: BuildInput,
  ports: BuilderPorts,
): Promise<BuildOptions> {
  const { [variable]: given, ...buildArgs } = options.buildArgs ?? {}
  const inFile =
    options.sourceDateEpoch === undefined
      ? globalScope(input.dockerfile, { buildArgs: new Map(), automatic: new Map() }).get(variable)
      : undefined
  const written = given ?? inFile
  if (written === undefined || written === '' || /^\d+$/.test(written)) {
    return written === undefined || written === given
      ? options
      : { ...options, buildArgs: { ...buildArgs, [variable]: written } }
  }
  const seconds = await timeOf(written, input, ports)
  return { ...options, buildArgs: seconds === undefined ? buildArgs : { ...buildArgs, [variable]: String(seconds) } }
}

async function timeOf(word: string, input: BuildInput, ports: BuilderPorts): Promise<number | undefined> {
  if (word === 'context') return input.times.get('')
  const name = word.toLowerCase()
  if (input.contextKinds.get(name)?.kind === 'files') return input.times.get(name)
  const source = remoteOf(input.dockerfile, name)
  if (source === undefined) {
    throw new BuildError('OPTIONS_INVALID', `Cannot use ${variable} "${word}": it is no number of seconds`, {
      hint: 'or "context", the name of a context, or a stage FROM scratch with one ADD of a download',
    })
  }
  const { signal } = input.workspace
  const found = classifySource(source)
  if (found.kind === 'http') {
    const { modified, digest } = await download(found.url, ports, { signal })
    input.keep(digest)
    return secondsOf(modified)
  }
  return found.kind === 'git' ? commitTimeOf(found.git, input) : undefined
}

/** The seconds of a time as HTTP writes it. */
export function secondsOf(modified: string | undefined): number | undefined {
  const time = modified === undefined ? NaN : Date.parse(modified)
  return Number.isNaN(time) || time < 0 ? undefined : Math.floor(time / 1000)
}

async function commitTimeOf(source: GitSource, { workspace }: BuildInput): Promise<number> {
  const { signal } = workspace
  const scratch = await workspace.scratchDirectory(workspace.owner, 'epoch')
  const commit = await resolveCommit(source, signal)
  const { time } = await checkOut({ source, commit, directory: join(scratch, 'at'), keepGitDir: false, signal })
  return time
}

/** The address of the one thing that a stage adds, when it is such a stage. */
function remoteOf({ stages }: Dockerfile, name: string): string | undefined {
  const stage = stages.findLast((each) => each.name === name)
  if (stage?.from.image.text !== 'scratch') return undefined
  const made = stage.instructions.filter(({ kind }) => ['add', 'copy', 'run', 'workdir'].includes(kind))
  const [add] = made
  if (made.length !== 1 || add?.kind !== 'add' || add.sources.length !== 1) return undefined
  const [source] = add.sources
  return source?.kind === 'path' && !source.path.text.includes('$') ? source.path.text : undefined
}
