import { createReadStream } from 'node:fs'
import type { Answer, FileBody, RegistryRequest, RegistryResponse } from './exchange.ts'

/** Answers a Web `Request` with a Web `Response`: for use in one process, without a socket. */
export async function answerWeb(answer: Answer, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  const asked: RegistryRequest = {
    method: request.method,
    path: pathname,
    query: searchParams,
    header: (name) => request.headers.get(name) ?? undefined,
    body: request.body ?? nothing(),
  }
  const response = await answer(asked)
  // Who has the Response reads as much of it as they want.
  response.settled?.({ completed: true })
  return new Response(bodyOf(response.body), { status: response.status, headers: response.headers })
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function bodyOf(body: RegistryResponse['body']): ConstructorParameters<typeof Response>[0] {
  if (body === undefined) return null
  if (body instanceof Uint8Array) return new Uint8Array(body)
  return streamOf('path' in body ? fileOf(body) : body)
}

function fileOf({ path, start, end }: FileBody): AsyncIterable<Uint8Array> {
  return createReadStream(path, { start, end: end - 1, highWaterMark: 256 * 1024 })
}

function streamOf(body: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]()
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const next = await iterator.next()
      if (next.done === true) {
        controller.close()
        controller.byobRequest?.respond(0)
      } else controller.enqueue(new Uint8Array(next.value))
    },
    async cancel() {
      await iterator.return?.()
    },
  })
}
