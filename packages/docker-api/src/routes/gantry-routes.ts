import type { ContainerEdited, Explanation } from '@gantry/client'
import type { ContainerExplanation } from '@gantry/engine'
import { json, type ApiRequest, type Reply } from '../http/message.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { editRequest } from '../translate/edit-request.ts'
import { Fields } from '../translate/fields.ts'

/** Gantry's own paths. */
export function gantryRoutes({ engine }: DockerApiParts): readonly Route[] {
  return [
    ['GET', /^\/gantry\/explain\/([^/]+)$/, (_, id = '') => json(explanation(engine.explain(id)))],
    ['POST', /^\/gantry\/edit\/([^/]+)$/, (request, id = '') => edit(engine, request, id)],
  ]
}

async function edit(engine: DockerApiParts['engine'], request: ApiRequest, id: string): Promise<Reply> {
  const { live, atStart, running } = await engine.update(
    id,
    editRequest(new Fields(await request.json()), { all: true }),
  )
  return json({ Live: [...live], AtStart: [...atStart], Running: running } satisfies ContainerEdited)
}

function explanation({ record, entries }: ContainerExplanation): Explanation {
  const { id, name, spec, status, progress } = record
  return {
    id,
    name,
    image: spec.image,
    status,
    pid: progress.pid,
    steps: entries.map((entry) => ({
      owner: entry.owner,
      sequence: entry.sequence,
      kind: entry.kind,
      sentence: entry.sentence,
      why: entry.why,
      command: entry.command,
      undo: entry.undo,
      state: entry.state,
      started: entry.started,
      ...(entry.duration === undefined ? {} : { duration: entry.duration }),
      consequence: entry.consequence,
      args: { ...entry.args },
    })),
  }
}
