import { collect } from '@gantry/image'
import { parseJson } from '@gantry/oci'
import { isWireCode, RegistryError } from './registry-error.ts'
import type { RegistryErrorCode } from './registry-error.ts'
import { retryAfterOf } from './retry.ts'
import type { HttpResponse } from './transport/transport.ts'

const longestBody = 64 * 1024
const longestMessage = 300

/** What an answer that refuses is about. */
export interface RefusalContext {
  /** `Cannot pull "localhost:5000/app:1"`. */
  readonly purpose: string
  readonly registry: string
  /** Whether there are credentials for the registry. */
  readonly known: boolean
  /** The code for a 404 without one. */
  readonly missing: RegistryErrorCode
}

/** Reads an answer that refuses, at most 64 KiB of it, as an error. */
export async function readRefusal(response: HttpResponse, context: RefusalContext): Promise<RegistryError> {
  const { status } = response
  const { purpose, registry } = context
  const { code: said, message } = await readError(response)
  const code = said ?? codeOf(status, context.missing)
  const name = said === undefined && (code === 'SERVER' || code === 'PROTOCOL') ? '' : ` ${code}`
  const retryAfter = retryAfterOf(response)
  const hints = [message, hintOf(code, { ...context, status, retryAfter })].filter((each) => each !== undefined)
  const detail = hints.length === 0 ? '' : ` (${hints.join('; ')})`
  return new RegistryError(code, `${purpose}: the registry answered ${status}${name}${detail}`, {
    status,
    registry,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  })
}

async function readError(response: HttpResponse): Promise<{ code?: RegistryErrorCode; message?: string }> {
  try {
    const bytes = await collect(response.body, longestBody)
    if (bytes === undefined || bytes.length === 0) return {}
    const value = parseJson(bytes) as { errors?: readonly { code?: unknown; message?: unknown }[] } | null
    const first = value?.errors?.[0]
    const code = typeof first?.code === 'string' && isWireCode(first.code) ? { code: first.code } : {}
    return typeof first?.message === 'string' ? { ...code, message: printable(first.message) } : code
  } catch {
    return {}
  }
}

/** What a peer says, as it may be shown on a terminal: on one line, and not too long. */
export function printable(text: string): string {
  const line = text.replaceAll(/\p{C}+/gu, ' ').trim()
  return line.length > longestMessage ? `${line.slice(0, longestMessage)}…` : line
}

function codeOf(status: number, missing: RegistryErrorCode): RegistryErrorCode {
  if (status === 401) return 'UNAUTHORIZED'
  if (status === 403) return 'DENIED'
  if (status === 404) return missing
  if (status === 405) return 'UNSUPPORTED'
  if (status === 429) return 'TOOMANYREQUESTS'
  return status >= 500 ? 'SERVER' : 'PROTOCOL'
}

type Hinted = RefusalContext & { readonly status: number; readonly retryAfter: number | undefined }

function hintOf(code: RegistryErrorCode, context: Hinted): string | undefined {
  const { registry, known, status, retryAfter } = context
  if (status < 400) return `a redirect that cannot be followed; check the address of ${registry}`
  if (retryAfter !== undefined && retryAfter > 0) return `try again in ${Math.ceil(retryAfter / 1000)} s`
  if (code === 'TOOMANYREQUESTS' || code === 'SERVER') return 'try again later'
  if (code !== 'UNAUTHORIZED' && code !== 'DENIED') return undefined
  if (code === 'UNAUTHORIZED' && !known) return `no credentials for ${registry}; run "gantry login ${registry}"`
  return known ? `the credentials for ${registry} do not allow it` : undefined
}
