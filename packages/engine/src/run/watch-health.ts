import type { Task } from '@gantry/runtime'
import { constants } from 'node:os'
import type { Context } from '../context.ts'
import { healthAfter, healthAtStart, nextCheckAt, type HealthCheck, type HealthState } from '../container/health.ts'
import type { ContainerRecord } from '../container/record.ts'
import { containerEvent } from '../events/container-event.ts'
import { signalTask } from '../verbs/kill.ts'
import { restart } from '../verbs/restart.ts'
import { stop } from '../verbs/stop.ts'
import { probeHealth } from './probe-health.ts'

/** Checks the health of a run from now to its end, in the background. A paused container is not checked. What was found is kept in the
 * table, so that the next daemon goes on where this one ends. */
export function watchHealth(context: Context, { id, spec, progress }: ContainerRecord, task: Task): void {
  const { health: check } = spec
  if (check === undefined) return
  const live = context.live.of(id)
  live.health?.abort()
  const over = new AbortController()
  live.health = over
  checkUntil(context, { id, run: progress.run, task, check }, over.signal).catch((error: unknown) => {
    if (!over.signal.aborted) context.log(`Cannot check the health of container ${id} any more`, error)
  })
}

interface Watched {
  readonly id: string
  readonly run: number
  readonly task: Task
  readonly check: HealthCheck
}

async function checkUntil(context: Context, watched: Watched, signal: AbortSignal): Promise<void> {
  const { clock } = context
  const { id, run, task, check } = watched
  const present = (): ContainerRecord | undefined => {
    const record = context.containers.get(id)
    return signal.aborted || record?.progress.run !== run || record.progress.ending ? undefined : record
  }
  for (let record = present(); record !== undefined; record = present()) {
    const startedAt = record.progress.startedAt ?? clock.now()
    const before = record.progress.health ?? healthAtStart(undefined)
    const due = nextCheckAt(before, { check, startedAt, now: clock.now() })
    // A clock that was set back must not put the next check off for longer than an interval.
    await clock.sleep(Math.min(Math.max(0, due - clock.now()), Math.max(check.interval, check.startInterval)), signal)
    const ready = present()
    if (ready === undefined) return
    if (ready.status !== 'running') {
      await clock.sleep(1000, signal)
      continue
    }
    const result = await probeHealth(context, ready, { task, check })
    const checked = present()
    if (checked === undefined) return
    const after = healthAfter(checked.progress.health ?? before, result, { check, startedAt })
    note(context, checked, after)
    // The action ends this run, and with it this loop; it waits for the end itself.
    if (after.status === 'unhealthy' && result.exitCode !== 0 && check.onFailure !== 'none')
      await act(context, id, check.onFailure)
  }
}

function note(context: Context, { id, progress }: ContainerRecord, health: HealthState): void {
  context.state.transaction(() => {
    const record = context.containers.update(id, { progress: { health } })
    if (health.status !== progress.health?.status)
      context.events.emit(containerEvent(record, `health_status: ${health.status}`))
  })
}

async function act(context: Context, id: string, action: Exclude<HealthCheck['onFailure'], 'none'>): Promise<void> {
  try {
    if (action === 'restart') await restart(context, id)
    else if (action === 'stop') await stop(context, id)
    // Not the verb: that would keep the restart policy from acting.
    else await signalTask(context, id, constants.signals.SIGKILL)
  } catch (error) {
    context.log(`Cannot ${action} container ${id}, which is unhealthy`, error)
  }
}
