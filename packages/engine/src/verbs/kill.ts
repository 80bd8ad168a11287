import { constants } from 'node:os'
import type { Context } from '../context.ts'
import { isAlive } from '../container/status.ts'
import { EngineError } from '../engine-error.ts'
import { containerEvent } from '../events/container-event.ts'
import { recoverRunning } from './recover.ts'

/** Reads a signal: `KILL`, `SIGKILL`, `sigkill`, `9` or a real-time one such as `RTMIN+3`. @throws EngineError SPEC_INVALID */
export function parseSignal(text: string): number {
  const plain = text.trim().toUpperCase().replace(/^SIG/, '')
  if (/^\d+$/.test(plain)) {
    const number = Number(plain)
    if (number >= 1 && number <= 64) return number
  }
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(plain)
  if (realTime !== null) {
    const [, from, sign, offset = '0'] = realTime
    const number = (from === 'MIN' ? 34 : 64) + (sign === '-' ? -Number(offset) : Number(offset))
    if (number >= 34 && number <= 64) return number
  }
  const number = (constants.signals as Readonly<Record<string, number>>)[`SIG${plain}`]
  if (number === undefined) throw new EngineError('SPEC_INVALID', `Invalid signal: ${text}`)
  return number
}

/** Sends a signal to a container's process. A paused one goes on, so that it can take it. A signal that is meant to end it keeps
 * restart policies from starting it again. @throws EngineError CONTAINER_UNKNOWN, CONTAINER_NOT_RUNNING, SPEC_INVALID */
export async function kill(context: Context, reference: string, signal = 'SIGKILL'): Promise<void> {
  const number = parseSignal(signal)
  await findAgain(context, context.containers.find(reference).id)
  const record = context.containers.find(reference)
  const { id, spec, status } = record
  const { task } = context.live.of(id)
  if (!isAlive(status) || task === undefined)
    throw new EngineError(
      'CONTAINER_NOT_RUNNING',
      `cannot kill container: ${reference}: container ${id} is not running`,
    )
  if (number === constants.signals.SIGKILL || number === parseSignal(spec.stopSignal))
    context.containers.update(id, { progress: { stopRequested: true } })
  await signalTask(context, id, number)
  context.events.emit(containerEvent(record, 'kill', { signal: String(number) }))
}

/** Takes over a container that runs, but could not be taken over when the daemon started: its runtime was missing then.
 * @throws RuntimeError RUNTIME_MISSING when it still is */
export async function findAgain(context: Context, id: string): Promise<void> {
  const live = context.live.of(id)
  const isMissed = (): boolean => {
    const record = context.containers.get(id)
    return record !== undefined && isAlive(record.status) && !record.progress.ending && live.task === undefined
  }
  if (!isMissed()) return
  await live.lock.run(async () => {
    if (isMissed()) await recoverRunning(context, context.containers.find(id))
  })
}

/** Sends a signal to a container that has a process; one that ends meanwhile is fine. */
export async function signalTask(context: Context, id: string, signal: number): Promise<void> {
  const { task } = context.live.of(id)
  if (task === undefined) return
  try {
    await task.kill(signal)
    if (context.containers.get(id)?.status === 'paused' && signal !== constants.signals.SIGSTOP) {
      await task.resume()
      if (context.containers.get(id)?.status === 'paused') context.containers.update(id, { status: 'running' })
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'NOT_RUNNING')) throw error
  }
}
