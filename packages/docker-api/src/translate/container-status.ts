import type { ContainerState, ContainerStatus } from '@gantry/client'
import type { ContainerRecord } from '@gantry/engine'
import { spanText, timeText } from './times.ts'

/** A container's state for people: `Up 3 minutes (Paused)`. */
export function statusText({ status, progress }: ContainerRecord, now: number): string {
  const since = (time: number | undefined): string => spanText(Math.max(0, now - (time ?? now)))
  switch (status) {
    case 'running':
      return `Up ${since(progress.startedAt)}`
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

/** The state within `GET /containers/{id}/json`. */
export function containerState({ status, progress }: ContainerRecord): ContainerState {
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
  }
}
