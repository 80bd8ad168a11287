import type { Principal } from './principal.ts'
import type { TagGuard } from './tag-guard.ts'
import { WireError } from './wire-error.ts'

/** A request as the registry sees it, free of Node's and the Web's types: both adapters make one. */
export interface RegistryRequest {
  readonly method: string
  /** As sent: not decoded. */
  readonly path: string
  readonly query: URLSearchParams
  /** A header by its name in lower case. */
  header(name: string): string | undefined
  /** Read at most once; not at all when the answer does not need it. */
  readonly body: AsyncIterable<Uint8Array>
  /** The address it came from, without the port. */
  readonly peer?: string
  readonly scheme?: 'http' | 'https'
  /** The `Host` header: what the client calls this registry. */
  readonly host?: string
  /** Who asks. Without one, whoever reaches the registry may do everything. */
  readonly principal?: Principal
  /** Refuses changes of tags, for those who keep some of them. */
  readonly guard?: TagGuard
  /** Names the request in logs and events. */
  readonly id?: string
}

/** Part of a file, which the adapter sends itself. */
export interface FileBody {
  readonly path: string
  readonly start: number
  /** After the last byte. */
  readonly end: number
}

/** An answer. The length of the body is in its headers already. */
export interface RegistryResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | FileBody | AsyncIterable<Uint8Array>
  /** Called once by the adapter: when the client has all of it, or has gone. For measuring; it must not throw. */
  readonly settled?: (end: Settled) => void
}

/** How sending an answer ended. */
export interface Settled {
  /** False when the client went before it had everything. */
  readonly completed: boolean
  /** What went over the wire, headers included, where the adapter knows. */
  readonly bytes?: number
}

/** Answers one request; never rejects. */
export type Answer = (request: RegistryRequest) => Promise<RegistryResponse>

/** An answer with a document. */
export function jsonResponse(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): RegistryResponse {
  const body = new TextEncoder().encode(JSON.stringify(value))
  return {
    status,
    headers: { 'Content-Type': 'application/json', ...headers, 'Content-Length': String(body.length) },
    body,
  }
}

/** An answer without a body. */
export function emptyResponse(status: number, headers: Readonly<Record<string, string>> = {}): RegistryResponse {
  return { status, headers: status === 204 || status === 304 ? headers : { 'Content-Length': '0', ...headers } }
}

/** The body of a request; what goes wrong with it is the client's doing, and is said so. */
export async function* bodyOf(request: RegistryRequest): AsyncGenerator<Uint8Array> {
  try {
    yield* request.body
  } catch (cause) {
    if (cause instanceof WireError) throw cause
    throw new WireError('BLOB_UPLOAD_INVALID', 'the body ended early', { cause })
  }
}
