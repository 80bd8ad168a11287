import { jsonResponse } from './exchange.ts'
import type { RegistryResponse } from './exchange.ts'
import type { WireError } from './wire-error.ts'

/** The answer that says what went wrong. What is not the client's business stays out of it. */
export function errorResponse(error: WireError): RegistryResponse {
  const { code, message, detail } = error
  const entry = detail === undefined ? { code, message } : { code, message, detail }
  return jsonResponse(error.status, { errors: [entry] }, error.headers)
}
