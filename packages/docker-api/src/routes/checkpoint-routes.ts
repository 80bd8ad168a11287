import type { StartOptions } from '@gantry/engine'
import { empty, json, type ApiRequest } from '../http/message.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { Fields } from '../translate/fields.ts'

/** `/containers/{id}/checkpoints`, which Docker serves when it is told to be experimental. */
export function checkpointRoutes({ engine }: DockerApiParts): readonly Route[] {
  return [
    [
      'GET',
      /^\/containers\/([^/]+)\/checkpoints$/,
      ({ query }, id = '') => {
        return json(engine.listCheckpoints(id, query.get('dir') || undefined).map((Name) => ({ Name })))
      },
    ],
    [
      'POST',
      /^\/containers\/([^/]+)\/checkpoints$/,
      async (request, id = '') => {
        const body = new Fields(await request.json())
        const directory = body.text('CheckpointDir') || undefined
        await engine.createCheckpoint(id, {
          name: body.text('CheckpointID') ?? '',
          leaveRunning: body.flag('Exit') !== true,
          ...(directory === undefined ? {} : { directory }),
        })
        return empty(201)
      },
    ],
    [
      'DELETE',
      /^\/containers\/([^/]+)\/checkpoints\/([^/]+)$/,
      async ({ query }, id = '', name = '') => {
        const directory = query.get('dir') || undefined
        await engine.removeCheckpoint(id, { name, ...(directory === undefined ? {} : { directory }) })
        return empty()
      },
    ],
  ]
}

/** What a start is asked for: a checkpoint, maybe. */
export function startOptions({ query }: ApiRequest): StartOptions {
  const checkpoint = query.get('checkpoint') || undefined
  const checkpointDirectory = query.get('checkpoint-dir') || undefined
  return {
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(checkpointDirectory === undefined ? {} : { checkpointDirectory }),
  }
}
