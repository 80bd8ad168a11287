/** What went wrong, as a closed set; the engine maps `COMMAND_*` to exit codes 127 and 126, the rest to 125. */
export type RuntimeErrorCode =
  /** No OCI runtime that works on this host is installed. */
  | 'RUNTIME_MISSING'
  /** conmon is not installed. */
  | 'MONITOR_MISSING'
  /** A container of this id exists already, or its state directory is left over. */
  | 'TASK_EXISTS'
  /** The OCI runtime refused to make the container. */
  | 'CREATE_FAILED'
  /** The OCI runtime did not answer in time, and was ended. */
  | 'RUNTIME_HANGS'
  /** The container was made but did not start. */
  | 'START_FAILED'
  /** The program to run does not exist in the root file system. */
  | 'COMMAND_NOT_FOUND'
  /** The program exists but cannot be executed. */
  | 'COMMAND_NOT_EXECUTABLE'
  /** The working directory cannot be used. */
  | 'WORKING_DIRECTORY_INVALID'
  /** A user or group name that the root file system does not know. */
  | 'USER_UNKNOWN'
  /** A source of a mount is missing, or its target cannot be mounted on. */
  | 'MOUNT_FAILED'
  /** The host denies what the specification asks for (cgroups, limits, devices). */
  | 'HOST_DENIED'
  /** A device that this machine does not have, or that may not be given. */
  | 'DEVICE_MISSING'
  /** A specification of devices cannot be read. */
  | 'DEVICE_SPEC_INVALID'
  /** An option of the specification is not valid. */
  | 'SPEC_INVALID'
  /** The task is not running, so it cannot be signalled, paused, resized or entered. */
  | 'NOT_RUNNING'
  /** A program could not be started in the running container. */
  | 'EXEC_FAILED'
  /** The monitor's socket could not be reached. */
  | 'ATTACH_FAILED'
  /** A client read too slowly and was cut off. */
  | 'ATTACH_OVERFLOW'
  /** The container is gone but its remains could not be removed. */
  | 'DELETE_FAILED'
  /** A command of the OCI runtime (pause, resume, update) failed. */
  | 'COMMAND_FAILED'
  /** There is no CRIU here that works with this kernel. */
  | 'CRIU_MISSING'
  /** A container's processes could not be written down, or not made again. */
  | 'CHECKPOINT_FAILED'
  /** The caller's signal ended the work. */
  | 'ABORTED'
  /** A log file is not in the form that the monitor writes. */
  | 'LOG_INVALID'
  /** A reader of a log was so slow that what it had yet to read could not be kept. */
  | 'LOG_LOST'

/** Details that faces may print beside the message. */
export interface RuntimeErrorOptions {
  readonly cause?: unknown
  readonly hint?: string
  /** Path of the program, directory or mount that the failure is about. */
  readonly subject?: string
}

/** The one error class of this package. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError'
  readonly code: RuntimeErrorCode
  readonly hint: string | undefined
  readonly subject: string | undefined

  constructor(code: RuntimeErrorCode, message: string, options: RuntimeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.subject = options.subject
  }
}
