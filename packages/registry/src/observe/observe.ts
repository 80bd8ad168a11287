import { randomUUID } from 'node:crypto'
import type { Answer, RegistryRequest, RegistryResponse, Settled } from '../exchange.ts'
import type { Log, LogLevel } from './log.ts'
import { redactQuery } from './redact-query.ts'
import type { RegistryMetrics } from './registry-metrics.ts'
import { methodLabel, routeLabel } from './route-label.ts'

/** What watches the requests of a registry. */
export interface ObserveOptions {
  readonly metrics: RegistryMetrics
  readonly log: Log
  /** Whether the server is about to end: clients are told to connect anew, and reach another one. */
  readonly isClosing?: () => boolean
  /** Default: the monotonic clock, in milliseconds. */
  readonly now?: () => number
}

/** Both halves of watching requests: `around` everything, and `inside` the access control, where it is known who asks. */
export interface Observer {
  readonly around: (next: Answer) => Answer
  readonly inside: (next: Answer) => Answer
}

/** Ids that clients and proxies send are taken when they are harmless in a log. */
const requestId = /^[\w.:/=+-]{1,128}$/

/**
 * Watches requests: names each (`X-Request-Id`, the client's own if it sent one), counts and measures it, and writes a line to the
 * log when its answer has gone out. Bodies and headers are never logged; of queries only what is known to be harmless.
 */
export function createObserver(options: ObserveOptions): Observer {
  const { metrics, log, isClosing = () => false, now = () => performance.now() } = options
  /** The requests under way with who makes them. */
  const actors = new Map<string, string | undefined>()

  const around =
    (next: Answer): Answer =>
    async (request) => {
      const start = now()
      const named = request.header('x-request-id')
      // One that is under way already would lend its actor to this one.
      const id = named !== undefined && requestId.test(named) && !actors.has(named) ? named : randomUUID()
      actors.set(id, undefined)
      const body = counted(request.body)
      metrics.begin()
      const response = await next({ ...request, body, id })
      const began = now() - start
      const sent = countedBody(response)
      const settled = (end: Settled): void => {
        const bytes = end.completed ? (sent.count() ?? end.bytes ?? 0) : (end.bytes ?? 0)
        const ended = now() - start
        const { status } = response
        const method = methodLabel(request.method)
        const route = routeLabel(request.path)
        metrics.end({ method, route, status, received: body.count, sent: bytes, began, ended })
        const actor = actors.get(id)
        actors.delete(id)
        log(levelOf(status), 'request', {
          id,
          peer: request.peer,
          actor,
          method: request.method,
          path: request.path + redactQuery(request.query),
          status,
          bytes,
          received: body.count,
          ms: Math.round(ended * 10) / 10,
          ...(end.completed ? {} : { aborted: true }),
        })
        response.settled?.(end)
      }
      const closing = isClosing() ? { Connection: 'close' } : {}
      return { ...response, ...sent.body, headers: { ...response.headers, 'X-Request-Id': id, ...closing }, settled }
    }

  const inside =
    (next: Answer): Answer =>
    (request) => {
      const { id, principal } = request
      if (id !== undefined && principal !== undefined && principal.kind !== 'anonymous') actors.set(id, principal.name)
      return next(request)
    }

  return { around, inside }
}

function levelOf(status: number): LogLevel {
  return status >= 500 ? 'error' : 'info'
}

interface Counted extends AsyncIterable<Uint8Array> {
  readonly count: number
}

function counted(body: RegistryRequest['body']): Counted {
  let count = 0
  return {
    get count() {
      return count
    },
    [Symbol.asyncIterator]() {
      const iterator = body[Symbol.asyncIterator]()
      return {
        async next() {
          const chunk = await iterator.next()
          if (chunk.done !== true) count += chunk.value.length
          return chunk
        },
        return: async (value?: unknown) => (await iterator.return?.(value)) ?? { done: true, value: undefined },
      }
    },
  }
}

/** The length of an answer's body is in its headers; that of a stream without one is counted as it goes by. */
function countedBody({ status, headers, body }: RegistryResponse): {
  readonly body: Pick<RegistryResponse, 'body'>
  count(): number | undefined
} {
  if (body === undefined) return { body: {}, count: () => 0 }
  if (body instanceof Uint8Array) return { body: { body }, count: () => body.length }
  if ('path' in body) return { body: { body }, count: () => body.end - body.start }
  const length = headers['Content-Length']
  if (length !== undefined && status !== 304) return { body: { body }, count: () => Number(length) }
  const stream = counted(body)
  return { body: { body: stream }, count: () => stream.count }
}
