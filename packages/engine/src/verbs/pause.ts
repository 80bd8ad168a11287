import type { Context } from '../context.ts'
import { nextStatus, type Move } from '../container/status.ts'
import { EngineError } from '../engine-error.ts'
import { containerEvent } from '../events/container-event.ts'

/** Stops all processes of a container where they are. @throws EngineError CONTAINER_UNKNOWN, CONTAINER_NOT_RUNNING, CONTAINER_PAUSED */
export function pause(context: Context, reference: string): Promise<void> {
  return freeze(context, reference, 'pause')
}

/** Lets a paused container go on. @throws EngineError CONTAINER_UNKNOWN, CONTAINER_NOT_PAUSED */
export function unpause(context: Context, reference: string): Promise<void> {
  return freeze(context, reference, 'unpause')
}

async function freeze(context: Context, reference: string, move: Move & ('pause' | 'unpause')): Promise<void> {
  const { id } = context.containers.find(reference)
  const live = context.live.of(id)
  await live.lock.run(async () => {
    const record = context.containers.find(id)
    const status = nextStatus(record.status, move, id)
    if (live.task === undefined) throw new EngineError('CONTAINER_NOT_RUNNING', `Container ${id} is not running`)
    await (move === 'pause' ? live.task.pause() : live.task.resume())
    context.events.emit(containerEvent(context.containers.update(id, { status }), move))
  })
}
