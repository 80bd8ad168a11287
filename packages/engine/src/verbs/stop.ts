import { constants } from 'node:os'
import type { Context } from '../context.ts'
import { isAlive } from '../container/status.ts'
import { containerEvent } from '../events/container-event.ts'
import { awaitEnding } from '../run/watch-exit.ts'
import { findAgain, parseSignal, signalTask } from './kill.ts'

/** How a container is stopped. */
export interface StopOptions {
  /** Seconds until it is killed; negative waits without end. Default: the container's own. */
  readonly timeout?: number
  /** Default: the container's own. */
  readonly signal?: string
}

/** Asks a container to end, and after a grace kills it. Returns when it has ended and what its run changed is undone; false when it
 * did not run. @throws EngineError CONTAINER_UNKNOWN, SPEC_INVALID */
export async function stop(context: Context, reference: string, options: StopOptions = {}): Promise<boolean> {
  const { id } = context.containers.find(reference)
  const live = context.live.of(id)
  // A start or an unfinished end goes first.
  await awaitEnding(context, id)
  await findAgain(context, id)
  const record = context.containers.get(id)
  if (record === undefined) return false
  if (record.status === 'restarting') {
    live.restartDelay?.abort()
    context.containers.update(id, { status: 'exited', progress: { stopRequested: true } })
    return true
  }
  if (!isAlive(record.status)) return false
  const signal = parseSignal(options.signal || record.spec.stopSignal)
  const grace = options.timeout ?? record.spec.stopTimeout
  const { nextExit } = live
  context.containers.update(id, { progress: { stopRequested: true } })
  await signalTask(context, id, signal)
  context.events.emit(containerEvent(record, 'kill', { signal: String(signal) }))
  if (grace >= 0 && !(await endsWithin(context, nextExit.promise, grace * 1000))) {
    await signalTask(context, id, constants.signals.SIGKILL)
    context.events.emit(containerEvent(record, 'kill', { signal: String(constants.signals.SIGKILL) }))
  }
  await nextExit.promise
  context.events.emit(containerEvent(record, 'stop'))
  return true
}

async function endsWithin({ clock }: Context, exit: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const enough = new AbortController()
  const timeout = clock.sleep(milliseconds, enough.signal).then(
    () => false,
    () => true,
  )
  const ended = await Promise.race([exit.then(() => true), timeout])
  enough.abort()
  return ended
}
