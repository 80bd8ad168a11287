import { DockerfileError, type Range } from '@gantry/dockerfile'

/** What can go wrong in a build besides mistakes in the Dockerfile, which are `DockerfileError`s. */
export type BuildErrorCode =
  | 'OPTIONS_INVALID'
  | 'CONTEXT_INVALID'
  | 'DOCKERFILE_UNREADABLE'
  | 'BASE_UNKNOWN'
  | 'PLATFORM_UNSUPPORTED'
  | 'SOURCE_UNKNOWN'
  | 'SOURCE_UNREADABLE'
  | 'SOURCE_CHANGED'
  | 'DESTINATION_INVALID'
  | 'USER_UNKNOWN'
  | 'ARGUMENT_INVALID'
  | 'RUN_FAILED'
  /** This process may not run programs in an image: it can neither mount nor make namespaces. */
  | 'RUN_UNAVAILABLE'
  | 'SECRET_MISSING'
  | 'DEVICE_MISSING'
  | 'DISK_FULL'
  /** Of Node projects without a Dockerfile. */
  | 'PROJECT_INVALID'
  | 'SETTINGS_INVALID'
  | 'LOCKFILE_INVALID'
  | 'LOCKFILE_STALE'
  | 'PACKAGE_INVALID'
  | 'PACKAGE_UNAVAILABLE'
  | 'ENTRYPOINT_UNKNOWN'
  /** What another part of Gantry said, at its place in the Dockerfile; the part's own error is the cause. */
  | 'STEP_FAILED'

/** Everything a {@link BuildError} carries besides its code and message. */
export interface BuildErrorDetails {
  readonly hint?: string | undefined
  readonly cause?: unknown
  /** The place in the Dockerfile, if there is one. */
  readonly at?: { readonly file: string; readonly range: Range }
  readonly run?: RunFailure
}

/** How a RUN ended that did not end well. */
export interface RunFailure {
  readonly exitCode: number
  readonly command: string
  /** The last lines it wrote, at most 8 KiB. */
  readonly output: string
}

/**
 * A build that failed. Where it is about a place in the Dockerfile it has `file`, `line`, `column`, `offset` and
 * `length`, as a DockerfileError, so that `renderDiagnostic` prints both.
 */
export class BuildError extends Error {
  override readonly name = 'BuildError'
  readonly code: BuildErrorCode
  readonly hint: string | undefined
  readonly file: string | undefined
  readonly line: number | undefined
  readonly column: number | undefined
  readonly offset: number | undefined
  readonly length: number | undefined
  readonly run: RunFailure | undefined

  constructor(code: BuildErrorCode, message: string, details: BuildErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    const { at } = details
    this.code = code
    this.hint = details.hint
    this.file = at?.file
    this.line = at?.range.start.line
    this.column = at?.range.start.column
    this.offset = at?.range.start.offset
    this.length = at === undefined ? undefined : Math.max(1, at.range.end.offset - at.range.start.offset)
    this.run = details.run
  }
}

/** The same failure with its place in the Dockerfile, for errors raised where the place is not known. */
export function locate(error: unknown, file: string, range: Range): unknown {
  if (error instanceof DockerfileError) return error
  if (isDiskFull(error)) {
    return new BuildError('DISK_FULL', 'Cannot go on building: the disk is full', {
      cause: error,
      hint: 'free some space; finished steps are kept and will not run again',
      at: { file, range },
    })
  }
  if (!(error instanceof Error)) return error
  if (!(error instanceof BuildError)) {
    const { hint } = error as { hint?: unknown }
    return new BuildError('STEP_FAILED', error.message, {
      cause: error,
      hint: typeof hint === 'string' ? hint : undefined,
      at: { file, range },
    })
  }
  if (error.file !== undefined) return error
  const { hint, cause, run } = error
  return new BuildError(error.code, error.message, { hint, cause, at: { file, range }, ...(run && { run }) })
}

/** Whether an error, or what caused it, is the file system's "no space left" or "over quota". */
export function isDiskFull(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const { code } = at as { code?: unknown }
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'DISK_FULL' || code === 'STORE_FULL') return true
  }
  return false
}
