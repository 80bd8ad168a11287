import type { ContainerFilter, CreateRequest, Engine, ListOptions, Status, WaitCondition } from '@gantry/engine'
import { join } from 'node:path'
import { badRequest } from '../http/api-failure.ts'
import { empty, json, jsonText, type ApiRequest, type Reply } from '../http/message.ts'
import { filters, flag, integer } from '../http/parameters.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { containerInspect, containerSummary } from '../translate/container-inspect.ts'
import { createRequest } from '../translate/create-request.ts'
import { editRequest } from '../translate/edit-request.ts'
import { Fields } from '../translate/fields.ts'
import { statsSample } from '../translate/stats.ts'
import { summaryText } from '../translate/summary-text.ts'
import { startOptions } from './checkpoint-routes.ts'
import { jsonStream } from './json-stream.ts'

/** `/containers`: everything but streams of a container's own. */
export function containerRoutes(parts: DockerApiParts): readonly Route[] {
  const { engine } = parts
  return [
    ['GET', /^\/containers\/json$/, (request) => listContainers(parts, request)],
    ['POST', /^\/containers\/create$/, (request) => createContainer(parts, request)],
    ['GET', /^\/containers\/([^/]+)\/json$/, (request, id = '') => inspectContainer(parts, request, id)],
    [
      'POST',
      /^\/containers\/([^/]+)\/start$/,
      async (request, id = '') => empty((await engine.start(id, startOptions(request))) ? 204 : 304),
    ],
    [
      'POST',
      /^\/containers\/([^/]+)\/stop$/,
      async (request, id = '') => empty((await engine.stop(id, stopOptions(request))) ? 204 : 304),
    ],
    [
      'POST',
      /^\/containers\/([^/]+)\/restart$/,
      async (request, id = '') => done(engine.restart(id, stopOptions(request))),
    ],
    [
      'POST',
      /^\/containers\/([^/]+)\/kill$/,
      async ({ query }, id = '') => done(engine.kill(id, query.get('signal') || undefined)),
    ],
    ['POST', /^\/containers\/([^/]+)\/pause$/, async (_, id = '') => done(engine.pause(id))],
    ['POST', /^\/containers\/([^/]+)\/unpause$/, async (_, id = '') => done(engine.unpause(id))],
    [
      'POST',
      /^\/containers\/([^/]+)\/rename$/,
      async ({ query }, id = '') => done(engine.rename(id, query.get('name') ?? '')),
    ],
    [
      'POST',
      /^\/containers\/([^/]+)\/update$/,
      async (request, id = '') => {
        await engine.update(id, editRequest(new Fields(await request.json()), { all: false }))
        return json({ Warnings: [] })
      },
    ],
    ['POST', /^\/containers\/([^/]+)\/resize$/, (request, id = '') => resizeContainer(engine, request, id)],
    ['POST', /^\/containers\/([^/]+)\/wait$/, (request, id = '') => waitForContainer(engine, request, id)],
    ['GET', /^\/containers\/([^/]+)\/top$/, (request, id = '') => topOfContainer(engine, request, id)],
    ['GET', /^\/containers\/([^/]+)\/stats$/, (request, id = '') => statsOfContainer(parts, request, id)],
    [
      'DELETE',
      /^\/containers\/([^/]+)$/,
      async ({ query }, id = '') => {
        if (flag(query, 'link')) throw badRequest('links are not supported')
        return done(engine.remove(id, { force: flag(query, 'force'), volumes: flag(query, 'v') }))
      },
    ],
  ]
}

async function done(work: Promise<unknown>): Promise<Reply> {
  await work
  return empty()
}

const listFilters = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
] as const

async function listContainers({ engine, images, clock }: DockerApiParts, { query }: ApiRequest): Promise<Reply> {
  const { exited, status, ancestor, 'is-task': task, isolation, ...same } = filters(query, listFilters)
  refuseOther('health', same.health, ['starting', 'healthy', 'unhealthy', 'none'])
  if (task?.includes('true') || (isolation !== undefined && !isolation.includes('default'))) return json([])
  const filter: ContainerFilter = {
    ...same,
    ...(exited === undefined ? {} : { exitCode: exited.map((code) => exitCode(code)) }),
    ...(status === undefined ? {} : { status: status.map(statusName) }),
    ...(ancestor === undefined ? {} : { ancestor: await Promise.all(ancestor.map((name) => imageId(images, name))) }),
  }
  const limit = integer(query, 'limit') ?? 0
  const options: ListOptions = { all: flag(query, 'all'), filter, ...(limit > 0 ? { limit } : {}) }
  const now = clock.now()
  const records = engine.list(options)
  if (!flag(query, 'size'))
    return jsonText(`[${records.map((record) => summaryText(record, { engine, now })).join(',')}]`)
  const rows = records.map((record) => containerSummary(record, { engine, now }))
  return json(
    await Promise.all(rows.map(async (row) => ({ ...row, SizeRw: await engine.usage(row.Id), SizeRootFs: 0 }))),
  )
}

function refuseOther(name: string, values: readonly string[] | undefined, known: readonly string[]): void {
  const other = values?.find((value) => !known.includes(value))
  if (other !== undefined) throw badRequest(`invalid filter '${name}=${other}'`)
}

function exitCode(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw badRequest(`invalid filter 'exited=${text}'`)
  return Number(text)
}

const statuses: readonly Status[] = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']

function statusName(text: string): Status {
  const status = statuses.find((each) => each === text)
  if (status === undefined) throw badRequest(`invalid filter 'status=${text}'`)
  return status
}

/** An image that is not there is nobody's ancestor. */
async function imageId(images: DockerApiParts['images'], name: string): Promise<string> {
  try {
    return (await images.inspect(name)).Id
  } catch {
    return name
  }
}

async function createContainer(parts: DockerApiParts, request: ApiRequest): Promise<Reply> {
  const { id } = await parts.engine.create(await readCreate(parts, request))
  return json({ Id: id, Warnings: [] }, 201)
}

/** Reads what is to be created. @throws ApiFailure 400, 501 */
export async function readCreate({ engine }: DockerApiParts, request: ApiRequest): Promise<CreateRequest> {
  const { query } = request
  const name = query.get('name')
  const platform = query.get('platform')
  return createRequest(await request.json(), {
    ...(name === null || name === '' ? {} : { name }),
    ...(platform === null ? {} : { platform }),
    mountsOf: (container) => engine.inspect(container).spec.mounts,
  })
}

async function inspectContainer({ engine, site }: DockerApiParts, { query }: ApiRequest, id: string): Promise<Reply> {
  const record = engine.inspect(id)
  const directory = join(site.root, 'containers', record.id)
  const value = containerInspect(record, { engine, directory, logPath: join(directory, 'container.log') })
  return json(flag(query, 'size') ? { ...value, SizeRw: await engine.usage(record.id), SizeRootFs: 0 } : value)
}

function stopOptions({ query }: ApiRequest): { timeout?: number; signal?: string } {
  const timeout = integer(query, 't')
  const signal = query.get('signal')
  return { ...(timeout === undefined ? {} : { timeout }), ...(signal ? { signal } : {}) }
}

async function resizeContainer(engine: Engine, { query }: ApiRequest, id: string): Promise<Reply> {
  await engine.resize(id, { height: integer(query, 'h') ?? 0, width: integer(query, 'w') ?? 0 })
  return empty(200)
}

const conditions: readonly WaitCondition[] = ['not-running', 'next-exit', 'removed']

function waitForContainer(engine: Engine, { query, signal }: ApiRequest, id: string): Reply {
  const text = query.get('condition') || 'not-running'
  const condition = conditions.find((each) => each === text)
  if (condition === undefined) throw badRequest(`invalid condition: "${text}"`)
  const { result } = engine.wait(id, condition)
  const gone = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  return jsonStream(
    (async function* () {
      const exit = await Promise.race([result, gone])
      if (exit === undefined) return
      yield { StatusCode: exit.exitCode, ...(exit.error === undefined ? {} : { Error: { Message: exit.error } }) }
    })(),
  )
}

async function topOfContainer(engine: Engine, { query }: ApiRequest, id: string): Promise<Reply> {
  const { titles, processes } = await engine.top(id, query.get('ps_args') || undefined)
  return json({ Titles: titles, Processes: processes })
}

async function statsOfContainer(
  { engine, clock, host }: DockerApiParts,
  request: ApiRequest,
  id: string,
): Promise<Reply> {
  const { query, signal } = request
  const first = await engine.stats(id)
  const stream = flag(query, 'stream', true)
  if (!stream && flag(query, 'one-shot')) return json(statsSample(first, { hostMemory: host.memory }))
  async function* samples(): AsyncGenerator<unknown, void, undefined> {
    let before = first
    if (stream) yield statsSample(first, { hostMemory: host.memory })
    for (;;) {
      try {
        await clock.sleep(1000, signal)
      } catch {
        return
      }
      const now = await engine.stats(id)
      yield statsSample(now, { before, hostMemory: host.memory })
      if (!stream) return
      before = now
    }
  }
  return jsonStream(samples())
}
