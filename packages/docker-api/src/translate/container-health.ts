import type { ContainerHealth, HealthConfig } from '@gantry/client'
import type { ContainerRecord, HealthCheck } from '@gantry/engine'
import { timeText } from './times.ts'

/** What checks have found out, within the state of a container; undefined for one without checks. */
export function containerHealth({ spec, progress }: ContainerRecord): ContainerHealth | undefined {
  if (spec.health === undefined || progress.health === undefined) return undefined
  const { status, failingStreak, log } = progress.health
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ start, end, exitCode, output }) => ({
      Start: timeText(start),
      End: timeText(end),
      ExitCode: exitCode,
      Output: output,
    })),
  }
}

/** A health check as inspect shows it. */
export function healthConfig(check: HealthCheck): HealthConfig {
  const { test, interval, timeout, startPeriod, startInterval, retries, onFailure } = check
  return {
    Test: [...test],
    Interval: interval * 1e6,
    Timeout: timeout * 1e6,
    ...(startPeriod === 0 ? {} : { StartPeriod: startPeriod * 1e6, StartInterval: startInterval * 1e6 }),
    Retries: retries,
    ...(onFailure === 'none' ? {} : { OnFailure: onFailure }),
  }
}
