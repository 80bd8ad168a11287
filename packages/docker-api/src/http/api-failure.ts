/** A refusal that docker-api itself makes, with its HTTP status: a bad parameter, an unknown path, a feature that is not there. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  readonly code: string
  readonly status: number

  constructor(status: number, message: string, code = 'REQUEST_INVALID') {
    super(message)
    this.status = status
    this.code = code
  }
}

/** A parameter that cannot be taken. */
export function badRequest(message: string): ApiFailure {
  return new ApiFailure(400, message)
}

/** Something that Docker has and Gantry does not have yet: said, never ignored. */
export function notSupported(what: string): ApiFailure {
  return new ApiFailure(501, `${what} is not supported by Gantry yet`, 'NOT_SUPPORTED')
}
