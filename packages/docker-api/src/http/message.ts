/** A request as handlers see it: its target taken apart, its version read. */
export interface ApiRequest {
  readonly method: string
  /** Without the query and without `/v1.xx`, each segment decoded where it is matched. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: ReadonlyMap<string, string>
  /** The API version that the client speaks. */
  readonly version: ApiVersion
  /** Whether the client asks for the connection to become a stream. */
  readonly upgrade: boolean
  /** The body as it arrives, once. */
  readonly body: AsyncIterable<Uint8Array>
  /** Aborts when the client goes away before the answer is complete. */
  readonly signal: AbortSignal
  /** The body as a JSON object; empty is `{}`. @throws ApiFailure 400 when it is not one or is over 4 MiB */
  json(): Promise<Readonly<Record<string, unknown>>>
}

/** A version of Docker's API, such as 1.47. */
export interface ApiVersion {
  readonly major: number
  readonly minor: number
}

/** Bytes to and from a client whose connection has become a stream. */
export interface RawStream {
  /** What the client sends, to its end. */
  readonly input: AsyncIterable<Uint8Array>
  /** Resolves when there is room for more. Does nothing once the client has gone. */
  write(data: Uint8Array): Promise<void>
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
}

/** An answer. */
export type Reply =
  | { readonly kind: 'json'; readonly status: number; readonly value: unknown }
  | { readonly kind: 'text'; readonly status: number; readonly text: string; readonly headers?: Headers }
  | { readonly kind: 'empty'; readonly status: number; readonly headers?: Headers }
  /** Sent in chunks, the head at once: clients wait for it before the first byte of the body exists. */
  | {
      readonly kind: 'stream'
      readonly status: number
      readonly contentType: string
      readonly body: AsyncIterable<Uint8Array>
      readonly headers?: Headers
    }
  /** The connection becomes a stream; it is closed when `serve` ends. */
  | { readonly kind: 'hijack'; readonly contentType: string; readonly serve: (stream: RawStream) => Promise<void> }

type Headers = Readonly<Record<string, string>>

/** Answers a request. What it throws becomes an error of the status that the error table says. */
export type Handler = (request: ApiRequest) => Promise<Reply>

/** An answer in JSON. */
export function json(value: unknown, status = 200): Reply {
  return { kind: 'json', status, value }
}

/** An answer in JSON that is written already. */
export function jsonText(text: string): Reply {
  return { kind: 'text', status: 200, text: `${text}\n`, headers: { 'Content-Type': 'application/json' } }
}

/** An answer without a body. */
export function empty(status = 204): Reply {
  return { kind: 'empty', status }
}
