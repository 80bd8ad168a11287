import type { Dockerfile } from '@gantry/dockerfile'
import type { Digest } from '@gantry/oci'
import type { StepImport } from './cache/step-cache.ts'
import type { HostRules } from './egress/host-rules.ts'
import type { BuildEvent } from './events.ts'
import type { FailedRun } from './failed-run.ts'
import type { BuildOptions, Epoch } from './options.ts'
import type { FilesContext } from './remote/named-contexts.ts'

/** What all steps of one build share. */
export interface SessionOptions {
  readonly dockerfile: Dockerfile
  /** What the build reads from: under the empty name its context, and those that were given by name. */
  readonly contexts: ReadonlyMap<string, FilesContext>
  readonly epoch: Epoch
  readonly noCache: boolean
  /** Caches of other places. */
  readonly imports: readonly StepImport[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly buildArgs: ReadonlyMap<string, string>
  readonly signal: AbortSignal
  readonly secrets: NonNullable<BuildOptions['secrets']>
  readonly ssh: NonNullable<BuildOptions['ssh']>
  /** Keeps the caches of `RUN --mount=type=cache` apart. */
  readonly cacheNamespace: string
  /** What RUNs reach that do not say it themselves. */
  readonly network: NonNullable<BuildOptions['network']>
  readonly addHosts: NonNullable<BuildOptions['addHosts']>
  readonly limits?: BuildOptions['limits'] | undefined
  readonly allow: NonNullable<BuildOptions['allow']>
  /** Which hosts RUNs may reach; what they reach is recorded then. Missing: they have the host's network. */
  readonly egress?: HostRules | undefined
  /** Keeps a blob from being collected until the build has ended. */
  readonly keep: (digest: Digest) => void
  readonly onEvent: (event: BuildEvent) => void
  readonly onFailedRun?: ((failed: FailedRun) => Promise<void>) | undefined
  /** What is built, so that a build is compared with the last one of the same. */
  readonly project: string
  /** Tell why steps are done. */
  readonly why: boolean
}
