/** What kind of refusal or failure it was. `docker-api` maps each to one HTTP status. */
export type EngineErrorCode =
  | 'CONTAINER_UNKNOWN'
  | 'CONTAINER_AMBIGUOUS'
  | 'CONTAINER_RUNNING'
  | 'CONTAINER_NOT_RUNNING'
  | 'CONTAINER_PAUSED'
  | 'CONTAINER_NOT_PAUSED'
  | 'CONTAINER_RESTARTING'
  | 'CONTAINER_REMOVING'
  | 'NAME_TAKEN'
  | 'NAME_INVALID'
  | 'EXEC_UNKNOWN'
  | 'EXEC_STARTED'
  | 'IMAGE_UNKNOWN'
  | 'IMAGE_AMBIGUOUS'
  | 'IMAGE_IN_USE'
  | 'IMAGE_INVALID'
  | 'PULL_FAILED'
  | 'PUSH_FAILED'
  | 'VOLUME_UNKNOWN'
  | 'VOLUME_IN_USE'
  | 'VOLUME_INVALID'
  | 'SECRET_UNKNOWN'
  | 'SECRET_EXISTS'
  | 'SECRET_IN_USE'
  | 'SECRET_INVALID'
  | 'NETWORK_UNKNOWN'
  | 'NETWORK_IN_USE'
  | 'NETWORK_CONNECTED'
  | 'NETWORK_NOT_CONNECTED'
  | 'CHECKPOINT_UNKNOWN'
  | 'CHECKPOINT_EXISTS'
  | 'SPEC_INVALID'
  | 'COMMAND_MISSING'
  | 'COMMAND_NOT_FOUND'
  | 'COMMAND_NOT_EXECUTABLE'
  | 'USER_UNKNOWN'
  | 'START_FAILED'
  | 'FILE_UNKNOWN'
  | 'FILE_INVALID'
  | 'ROOTFS_READONLY'
  | 'NOT_SUPPORTED'
  | 'ENGINE_CLOSED'

/** The one error of this package. `message` reads as Docker's does where scripts are known to match its text. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly code: EngineErrorCode
  readonly hint: string | undefined

  constructor(code: EngineErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}
