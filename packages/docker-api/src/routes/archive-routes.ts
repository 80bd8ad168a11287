import type { ContainerChange } from '@gantry/client'
import { badRequest } from '../http/api-failure.ts'
import { empty, json, type ApiRequest, type Reply } from '../http/message.ts'
import { flag } from '../http/parameters.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { defined } from '../translate/fields.ts'
import { pathStatHeaders } from '../translate/path-stat.ts'
import { plainTar } from '../translate/plain-tar.ts'

/** The files of containers: `archive`, `changes`, `export`, and `/commit`. */
export function archiveRoutes({ engine }: DockerApiParts): readonly Route[] {
  return [
    [
      'HEAD',
      /^\/containers\/([^/]+)\/archive$/,
      async (request, id = '') => ({
        kind: 'empty',
        status: 200,
        headers: pathStatHeaders(await engine.statPath(id, pathOf(request))),
      }),
    ],
    ['GET', /^\/containers\/([^/]+)\/archive$/, (request, id = '') => readArchive(engine, request, id)],
    ['PUT', /^\/containers\/([^/]+)\/archive$/, (request, id = '') => writeArchive(engine, request, id)],
    ['GET', /^\/containers\/([^/]+)\/changes$/, async (_, id = '') => json(await changes(engine, id))],
    [
      'GET',
      /^\/containers\/([^/]+)\/export$/,
      (_, id = '') => ({ kind: 'stream', status: 200, contentType: 'application/x-tar', body: engine.export(id) }),
    ],
    ['POST', /^\/commit$/, (request) => commit(engine, request)],
  ]
}

type Engine = DockerApiParts['engine']

function pathOf({ query }: ApiRequest): string {
  const path = query.get('path') ?? ''
  if (path === '') throw badRequest('bad parameter: path cannot be empty')
  return path
}

async function readArchive(engine: Engine, request: ApiRequest, id: string): Promise<Reply> {
  const { stat, tar } = await engine.readPath(id, pathOf(request))
  return { kind: 'stream', status: 200, contentType: 'application/x-tar', body: tar, headers: pathStatHeaders(stat) }
}

async function writeArchive(engine: Engine, request: ApiRequest, id: string): Promise<Reply> {
  const { query, body } = request
  await engine.extractArchive(id, plainTar(body), {
    path: pathOf(request),
    keepDirectories: flag(query, 'noOverwriteDirNonDir'),
    ownedByUser: flag(query, 'copyUIDGID'),
  })
  return empty(200)
}

const kinds = { modified: 0, added: 1, deleted: 2 } as const

async function changes(engine: Engine, id: string): Promise<ContainerChange[]> {
  return (await engine.changes(id)).map(({ path, kind }) => ({ Path: path, Kind: kinds[kind] }))
}

async function commit(engine: Engine, { query }: ApiRequest): Promise<Reply> {
  const container = query.get('container') ?? ''
  if (container === '') throw badRequest('bad parameter: container cannot be empty')
  const repository = query.get('repo') ?? ''
  const tag = query.get('tag') ?? ''
  const Id = await engine.commit(container, {
    pause: flag(query, 'pause', true),
    changes: query
      .getAll('changes')
      .flatMap((text) => text.split('\n'))
      .filter((line) => line.trim() !== ''),
    ...defined({
      name: repository === '' ? undefined : tag === '' ? repository : `${repository}:${tag}`,
      author: query.get('author') || undefined,
      comment: query.get('comment') || undefined,
    }),
  })
  return json({ Id }, 201)
}
