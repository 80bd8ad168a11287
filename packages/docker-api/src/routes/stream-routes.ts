import { multiplexedStream, rawStream } from '@gantry/client'
import type { Engine } from '@gantry/engine'
import { badRequest } from '../http/api-failure.ts'
import type { ApiRequest, Reply } from '../http/message.ts'
import { flag, rfc3339 } from '../http/parameters.ts'
import type { Route } from '../http/router.ts'
import { atLeast } from '../http/version.ts'
import type { DockerApiParts } from '../parts.ts'
import { attachReply } from './attach-stream.ts'
import { encodeLines } from './encode-lines.ts'

/** Streams of a container: attach and logs. */
export function streamRoutes({ engine }: DockerApiParts): readonly Route[] {
  return [
    ['POST', /^\/containers\/([^/]+)\/attach$/, (request, id = '') => attach(engine, request, id)],
    ['GET', /^\/containers\/([^/]+)\/logs$/, (request, id = '') => logs(engine, request, id)],
  ]
}

async function attach(engine: Engine, { query, version }: ApiRequest, id: string): Promise<Reply> {
  const stream = await engine.attach(id, {
    stdin: flag(query, 'stdin'),
    stdout: flag(query, 'stdout'),
    stderr: flag(query, 'stderr'),
    logs: flag(query, 'logs'),
    stream: flag(query, 'stream'),
  })
  return attachReply(stream, { version, detachKeys: query.get('detachKeys') ?? undefined })
}

function logs(engine: Engine, { query, version, signal }: ApiRequest, id: string): Reply {
  const wanted = { stdout: flag(query, 'stdout'), stderr: flag(query, 'stderr') }
  if (!wanted.stdout && !wanted.stderr) throw badRequest('Bad parameters: you must choose at least one stream')
  // Gantry's own: frames for a terminal's lines too.
  const terminal = engine.inspect(id).spec.terminal && !flag(query, 'framed')
  const tail = tailOf(query.get('tail'))
  const since = rfc3339(query.get('since'))
  const until = rfc3339(query.get('until'))
  const entries = engine.logs(id, {
    follow: flag(query, 'follow'),
    signal,
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  })
  const timestamps = flag(query, 'timestamps')
  const details = flag(query, 'details') ? `${entries.attributes.join(',')} ` : ''
  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    // The lines that are there go in one piece, each in a frame of its own.
    for await (const lines of entries) {
      const chosen = lines.filter(({ stream }) => wanted[stream])
      if (chosen.length > 0) yield encodeLines(chosen, { framed: !terminal, timestamps, details })
    }
  }
  const contentType = terminal || !atLeast(version, 42) ? rawStream : multiplexedStream
  return { kind: 'stream', status: 200, contentType, body: body() }
}

function tailOf(text: string | null): number | undefined {
  if (text === null || text === '' || text === 'all') return undefined
  if (!/^-?\d{1,9}$/.test(text)) return undefined
  return Number(text) < 0 ? undefined : Number(text)
}
