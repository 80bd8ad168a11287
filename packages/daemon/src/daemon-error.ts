/** What can go wrong with the daemon itself. */
export type DaemonErrorCode =
  | 'DAEMON_RUNNING'
  | 'DAEMON_FAILED'
  | 'DAEMON_STUCK'
  | 'SOCKET_UNUSABLE'
  | 'REGISTRY_UNUSABLE'
  | 'ROOT_BUSY'
  | 'ROOT_UNUSABLE'
  | 'SETTINGS_INVALID'

/** The one error of this package. */
export class DaemonError extends Error {
  override readonly name = 'DaemonError'
  readonly code: DaemonErrorCode
  readonly hint: string | undefined

  constructor(
    code: DaemonErrorCode,
    message: string,
    options: { readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}
