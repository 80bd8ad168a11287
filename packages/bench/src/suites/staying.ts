import { createClient, type ContainerCreateBody } from '@gantry/client'
import type { EngineWithSocket } from '../peers/engine.ts'
import { inLanes } from '../in-lanes.ts'

/** Containers that stay until they are removed. */
export interface Staying extends AsyncDisposable {
  readonly ids: readonly string[]
}

const lanes = 4

/** Starts containers over the API, a few at a time. Disposing of them removes them; when one does not start, so are the others. */
export async function startStaying(
  engine: EngineWithSocket,
  body: ContainerCreateBody,
  options: { count: number; onContainer?: (count: number) => void },
): Promise<Staying> {
  const ids: string[] = []
  const remove = (): Promise<void> => removeAll(engine, ids)
  using client = createClient({ socket: engine.socket })
  try {
    await inLanes(lanes, Array(options.count).keys(), async () => {
      const { Id } = await client.containers.create(body)
      ids.push(Id)
      await client.containers.start(Id)
      options.onContainer?.(ids.length)
    })
  } catch (error) {
    await remove()
    throw error
  }
  return { ids, [Symbol.asyncDispose]: remove }
}

/** Removes containers by force, a few at a time. */
export async function removeAll(engine: EngineWithSocket, ids: readonly string[]): Promise<void> {
  using client = createClient({ socket: engine.socket })
  await inLanes(lanes, ids, (id) => client.containers.remove(id, { force: true }))
}
