import type { ContainerState, ContainerStatus } from '@gantry/client'
import type { ContainerRecord } from '@gantry/engine'
import { containerHealth } from './container-health.ts'
import { spanText, timeText } from './times.ts'

/** A container's state for people: `Up 3 minutes (healthy)`. */
export function statusText(record: ContainerRecord, now: number): string {
  const { status, progress } = record
  const since = (time: number | undefined): string => spanText(Math.max(0, now - (time ?? now)))
  switch (status) {
    case 'running':
      return `Up ${since(progress.startedAt)}${healthText(record)}`
    case 'paused':
      return `Up ${since(progress.startedAt)} (Paused)`
    case 'restarting':
      return `Restarting (${progress.exitCode}) ${since(progress.finishedAt)} ago`
    case 'exited':
      return `Exited (${progress.exitCode}) ${since(progress.finishedAt)} ago`
    case 'removing':
      return 'Removal In Progress'
    case 'dead':
      return 'Dead'
    case 'created':
      return 'Created'
    default:
      return status satisfies never
  }
}

function healthText({ spec, progress }: ContainerRecord): string {
  if (spec.health === undefined || progress.health === undefined) return ''
  return progress.health.status === 'starting' ? ' (health: starting)' : ` (${progress.health.status})`
}

/** The state within `GET /containers/{id}/json`. */
export function containerState(record: ContainerRecord): ContainerState {
  const { status, progress } = record
  const health = containerHealth(record)
  return {
    Status: status satisfies ContainerStatus,
    Running: status === 'running' || status === 'paused' || status === 'restarting',
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: progress.oomKilled,
    Dead: status === 'dead',
    Pid: progress.pid,
    ExitCode: progress.exitCode,
    Error: progress.error,
    StartedAt: timeText(progress.startedAt),
    FinishedAt: timeText(progress.finishedAt),
    ...(health === undefined ? {} : { Health: health }),
  }
}
