import { WireError } from '../wire-error.ts'

/** The refusal of what came too often; `wait` in milliseconds. */
export function tooMany(reason: string, wait: number): WireError {
  const seconds = Math.max(1, Math.ceil(wait / 1000))
  return new WireError('TOOMANYREQUESTS', `${reason}; try again in ${seconds} s`, {
    headers: { 'Retry-After': String(seconds) },
  })
}
