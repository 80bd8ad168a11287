import type { Context } from '../context.ts'
import { containerEvent } from '../events/container-event.ts'
import { start } from './start.ts'
import { stop, type StopOptions } from './stop.ts'

/** Stops a container if it runs, and starts it. @throws as `stop` and `start` */
export async function restart(context: Context, reference: string, options: StopOptions = {}): Promise<void> {
  const { id } = context.containers.find(reference)
  await stop(context, id, options)
  await start(context, id)
  context.events.emit(containerEvent(context.containers.find(id), 'restart'))
}
