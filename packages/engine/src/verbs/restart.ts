import type { Context } from '../context.ts'
import { containerEvent } from '../events/container-event.ts'
import { startLocked } from './start.ts'
import { stop, type StopOptions } from './stop.ts'

/** Stops a container if it runs, and starts it. One that is removed when it ends stays. @throws as `stop` and `start` */
export async function restart(context: Context, reference: string, options: StopOptions = {}): Promise<void> {
  const { id } = context.containers.find(reference)
  const live = context.live.of(id)
  live.restarts++
  let pending = true
  const begun = (): void => {
    if (pending) live.restarts--
    pending = false
  }
  try {
    await stop(context, id, options)
    await live.lock.run(() => {
      // Under the lock: the end of the new run, however soon it comes, is an end like any other.
      begun()
      return startLocked(context, id)
    })
  } finally {
    begun()
  }
  context.events.emit(containerEvent(context.containers.find(id), 'restart'))
}
