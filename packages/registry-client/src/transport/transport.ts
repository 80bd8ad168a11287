/** A request to a registry or its token service. */
export interface HttpRequest {
  readonly method: string
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Bytes can be sent again, a stream only once; its length is in the headers. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal
  /** The endpoint of the registry that led to this address, by a redirect or as its token service. */
  readonly ledBy?: URL
}

/** An answer. Its body is read to the end or discarded, so that the connection is free again. */
export interface HttpResponse {
  readonly status: number
  /** A header by its name in lower case. */
  header(name: string): string | undefined
  readonly body: AsyncIterable<Uint8Array>
  /** The mirror that gave it; absent when it is from the registry itself. */
  readonly mirror?: string
  discard(): Promise<void>
}

/** Sends one request and gives the answer, whatever its status; follows no redirect. */
export type Transport = (request: HttpRequest) => Promise<HttpResponse>

/** What `fetch` is. */
export type FetchLike = (request: Request) => Promise<Response>

/** A transport over `fetch` or something that looks like it: the handler of a registry in this process, a test's own. */
export function fetchTransport(fetch: FetchLike): Transport {
  return async ({ method, url, headers, body, signal }) => {
    const init: RequestInit = {
      method,
      headers: { ...headers },
      redirect: 'manual',
      ...(signal === undefined ? {} : { signal }),
      ...(body === undefined ? {} : { body: toBody(body), duplex: 'half' as const }),
    }
    const response = await fetch(new Request(url, init))
    return {
      status: response.status,
      header: (name) => response.headers.get(name) ?? undefined,
      body: response.body ?? none(),
      discard: async () => response.body?.cancel(),
    }
  }
}

type RequestInit = NonNullable<ConstructorParameters<typeof Request>[1]>

function toBody(body: Uint8Array | AsyncIterable<Uint8Array>): Exclude<RequestInit['body'], undefined> {
  return body instanceof Uint8Array ? new Uint8Array(body) : ReadableStream.from(body)
}

async function* none(): AsyncGenerator<Uint8Array> {}
