import type { Filters, ProgressMessage, RegistryAuth } from '@gantry/client'
import { badRequest, notSupported } from '../http/api-failure.ts'
import { failureOf } from '../http/error-status.ts'
import { empty, json, type ApiRequest, type Reply } from '../http/message.ts'
import { filters, flag } from '../http/parameters.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { buildOptions } from './build-options.ts'
import { jsonStream } from './json-stream.ts'

/** `/images` and `/build`. */
export function imageRoutes(parts: DockerApiParts): readonly Route[] {
  const { images } = parts
  return [
    ['GET', /^\/images\/json$/, (request) => list(parts, request)],
    ['POST', /^\/images\/create$/, (request) => pull(parts, request)],
    ['GET', /^\/images\/get$/, ({ query, signal }) => save(parts, query.getAll('names'), signal)],
    ['POST', /^\/images\/load$/, ({ body, signal }) => progressReply(images.load(body, { signal }))],
    [
      'POST',
      /^\/images\/prune$/,
      async ({ query }) =>
        json(await images.prune({ filters: filters(query, ['dangling', 'label', 'label!', 'until']) as Filters })),
    ],
    ['POST', /^\/build$/, (request) => build(parts, request)],
    ['GET', /^\/images\/(.+)\/json$/, async (_, name = '') => json(await images.inspect(name))],
    ['GET', /^\/images\/(.+)\/history$/, async (_, name = '') => json(await images.history(name))],
    ['GET', /^\/images\/(.+)\/get$/, ({ signal }, name = '') => save(parts, [name], signal)],
    [
      'POST',
      /^\/images\/(.+)\/tag$/,
      async ({ query }, name = '') => {
        const repository = query.get('repo') ?? ''
        if (repository === '') throw badRequest('a repository is needed to tag an image')
        await images.tag(name, joinTag(repository, query.get('tag')))
        return empty(201)
      },
    ],
    [
      'POST',
      /^\/images\/(.+)\/push$/,
      ({ query, headers, signal }, name = '') =>
        progressReply(images.push(joinTag(name, query.get('tag')), { ...authOf(headers), signal })),
    ],
    [
      'DELETE',
      /^\/images\/(.+)$/,
      async ({ query }, name = '') =>
        json(await images.remove(name, { force: flag(query, 'force'), noprune: flag(query, 'noprune') })),
    ],
  ]
}

async function list({ images }: DockerApiParts, { query }: ApiRequest): Promise<Reply> {
  const filter = filters(query, ['before', 'dangling', 'label', 'label!', 'reference', 'since', 'until'])
  const legacy = query.get('filter')
  return json(
    await images.list({
      all: flag(query, 'all'),
      filters: { ...filter, ...(legacy === null || legacy === '' ? {} : { reference: [legacy] }) },
    }),
  )
}

async function pull({ images }: DockerApiParts, { query, headers, signal }: ApiRequest): Promise<Reply> {
  const from = query.get('fromImage') ?? ''
  if (from === '') throw notSupported('importing an image with fromSrc')
  const platform = query.get('platform') ?? ''
  return progressReply(
    images.pull(joinTag(from, query.get('tag')), {
      ...authOf(headers),
      signal,
      ...(platform === '' ? {} : { platform }),
    }),
  )
}

/** Puts repository and tag together, where clients send them apart. A tag may be a digest. */
function joinTag(name: string, tag: string | null): string {
  if (tag === null || tag === '') return name
  return tag.includes(':') ? `${name}@${tag}` : `${name}:${tag}`
}

/**
 * Progress lines. What fails before the first of them is an answer with a status of its own, so that a client sees a 404 as one;
 * what fails later is a last line.
 */
async function progressReply(messages: AsyncIterable<ProgressMessage>): Promise<Reply> {
  const iterator = messages[Symbol.asyncIterator]()
  const first = await iterator.next()
  async function* lines(): AsyncGenerator<ProgressMessage, void, undefined> {
    try {
      for (let next = first; next.done !== true; next = await iterator.next()) yield next.value
    } catch (error) {
      const { message } = failureOf(error)
      const code = exitCodeOf(error)
      yield { errorDetail: { ...(code === undefined ? {} : { code }), message }, error: message }
    } finally {
      await iterator.return?.()
    }
  }
  return jsonStream(lines())
}

/** With which a client is to end: that of the command of a build that failed. */
function exitCodeOf(error: unknown): number | undefined {
  const run = error instanceof Error ? (Reflect.get(error, 'run') as { exitCode?: unknown } | undefined) : undefined
  return typeof run?.exitCode === 'number' ? run.exitCode : undefined
}

function save({ images }: DockerApiParts, names: readonly string[], signal: AbortSignal): Reply {
  const all = names.flatMap((name) => name.split(','))
  if (all.length === 0) throw badRequest('no image is named')
  return { kind: 'stream', status: 200, contentType: 'application/x-tar', body: images.save(all, { signal }) }
}

function authOf(headers: ReadonlyMap<string, string>): { auth?: RegistryAuth } {
  const text = headers.get('x-registry-auth') ?? ''
  if (text === '') return {}
  try {
    return { auth: JSON.parse(Buffer.from(text, 'base64url').toString()) as RegistryAuth }
  } catch {
    throw badRequest('invalid X-Registry-Auth header: it is not JSON in base64')
  }
}

function build({ build: run }: DockerApiParts, request: ApiRequest): Promise<Reply> {
  if (run === undefined) throw notSupported('building over the API')
  return progressReply(run(request.body, buildOptions(request)))
}
