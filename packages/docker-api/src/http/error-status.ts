/** The HTTP status for every error code of the floors below that can reach a client; what is not here is 500. */
const statusOf: Readonly<Record<string, number>> = {
  CONTAINER_UNKNOWN: 404,
  EXEC_UNKNOWN: 404,
  IMAGE_UNKNOWN: 404,
  MANIFEST_UNKNOWN: 404,
  BLOB_UNKNOWN: 404,
  PLATFORM_UNKNOWN: 404,
  VOLUME_UNKNOWN: 404,
  SECRET_UNKNOWN: 404,
  NETWORK_UNKNOWN: 404,
  NETWORK_NOT_CONNECTED: 404,
  FILE_UNKNOWN: 404,
  CHECKPOINT_UNKNOWN: 404,

  CONTAINER_AMBIGUOUS: 400,
  IMAGE_AMBIGUOUS: 400,
  NAME_INVALID: 400,
  SPEC_INVALID: 400,
  VOLUME_INVALID: 400,
  IMAGE_INVALID: 400,
  SECRET_INVALID: 400,
  COMMAND_MISSING: 400,
  COMMAND_NOT_FOUND: 400,
  COMMAND_NOT_EXECUTABLE: 400,
  USER_UNKNOWN: 400,
  DEVICE_MISSING: 400,
  WORKING_DIRECTORY_INVALID: 400,
  REFERENCE_INVALID: 400,
  DIGEST_INVALID: 400,
  PLATFORM_INVALID: 400,
  PORT_INVALID: 400,
  SUBNET_INVALID: 400,
  ADDRESS_INVALID: 400,
  OPTION_INVALID: 400,
  ARCHIVE_INVALID: 400,
  FILE_INVALID: 400,
  HEADER_INVALID: 400,
  CHECKSUM_MISMATCH: 400,
  TRUNCATED: 400,
  PATH_ESCAPES: 400,

  ROOTFS_READONLY: 403,
  NETWORK_PREDEFINED: 403,
  NETWORK_IN_USE: 403,
  SUBNET_TAKEN: 403,
  ADDRESS_TAKEN: 403,
  ALREADY_CONNECTED: 403,
  NETWORK_CONNECTED: 403,

  CONTAINER_RUNNING: 409,
  CONTAINER_NOT_RUNNING: 409,
  CONTAINER_PAUSED: 409,
  CONTAINER_NOT_PAUSED: 409,
  CONTAINER_RESTARTING: 409,
  CONTAINER_REMOVING: 409,
  NAME_TAKEN: 409,
  CHECKPOINT_EXISTS: 409,
  EXEC_STARTED: 409,
  IMAGE_IN_USE: 409,
  SECRET_EXISTS: 409,
  SECRET_IN_USE: 409,
  VOLUME_IN_USE: 409,
  NETWORK_EXISTS: 409,
  NOT_RUNNING: 409,

  NOT_SUPPORTED: 501,
  CRIU_MISSING: 501,
  ENGINE_CLOSED: 503,
}

/** What an error is to a client: status, text, and the code for those who can read it. */
export function failureOf(error: unknown): { status: number; message: string; code: string } {
  if (!(error instanceof Error)) return { status: 500, message: String(error), code: 'INTERNAL' }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'INTERNAL'
  const own = 'status' in error && typeof error.status === 'number' ? error.status : undefined
  const hint = 'hint' in error && typeof error.hint === 'string' ? ` (${error.hint})` : ''
  return { status: own ?? statusOf[code] ?? 500, message: `${error.message}${hint}`, code }
}
