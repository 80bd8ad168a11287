import type { Dockerfile, IgnoreMatcher, NamedContext } from '@gantry/dockerfile'
import type { Digest } from '@gantry/oci'
import type { BuildOptions } from './options.ts'
import type { BuilderPorts } from './ports.ts'
import { readInputs } from './read-inputs.ts'
import { type FilesContext, openNamedContexts } from './remote/named-contexts.ts'
import { openContext } from './remote/open-context.ts'
import { Workspace } from './workspace.ts'

/** Everything that a build reads, opened. Disposing of it removes what was downloaded and lets go of what was kept. */
export interface BuildInput extends AsyncDisposable {
  readonly workspace: Workspace
  readonly dockerfile: Dockerfile
  readonly ignore: IgnoreMatcher
  /** What the build reads from: under the empty name its context, and those that were given by name. */
  readonly contexts: ReadonlyMap<string, FilesContext>
  readonly contextKinds: ReadonlyMap<string, NamedContext>
  /** When contexts were made, by name, where that is known. */
  readonly times: ReadonlyMap<string, number>
  /** Keeps a blob from being collected until the build has ended. */
  readonly keep: (digest: Digest) => void
}

/** Opens contexts and reads the Dockerfile. @throws BuildError CONTEXT_INVALID, DOCKERFILE_UNREADABLE, ...; DockerfileError */
export async function openBuild(options: BuildOptions, ports: BuilderPorts): Promise<BuildInput> {
  options.signal?.throwIfAborted()
  const workspace = new Workspace(ports, options.signal)
  const lease = ports.store.lease('new')
  const close = async (): Promise<void> => {
    await workspace[Symbol.asyncDispose]()
    await lease[Symbol.asyncDispose]()
  }
  try {
    const keep = (digest: Digest): void => lease.add(digest)
    const opening = { workspace, ports, keep }
    const keepGitDir = /^(?:1|true)$/i.test(options.buildArgs?.['BUILDKIT_CONTEXT_KEEP_GIT_DIR'] ?? '')
    const context = await openContext(options.context, { ...opening, name: 'context', keepGitDir })
    const { dockerfile, ignore } = await readInputs(options, context)
    const named = await openNamedContexts(options.contexts ?? {}, opening)
    const { directory, time, material } = context
    const contexts = new Map<string, FilesContext>([
      ...named.files,
      ['', { directory, ignore, time, material }] as const,
    ])
    const times = new Map([...contexts].flatMap(([name, each]) => (each.time === undefined ? [] : [[name, each.time]])))
    return {
      workspace,
      dockerfile,
      ignore,
      contexts,
      contextKinds: named.kinds,
      times,
      keep,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
