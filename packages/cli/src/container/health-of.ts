import type { HealthConfig } from '@gantry/client'
import type { FlagValues } from '../flags/flag.ts'
import { CliError } from '../cli-error.ts'
import type { ContainerFlags } from './container-flags.ts'

type HealthFlags = Pick<FlagValues<ContainerFlags>, (`health-${string}` & keyof ContainerFlags) | 'no-healthcheck'>

/** Reads `--health-*` and `--no-healthcheck`; undefined when none is given. @throws CliError INVALID */
export function healthOf(flags: HealthFlags): HealthConfig | undefined {
  const times = {
    Interval: flags['health-interval'],
    Timeout: flags['health-timeout'],
    StartPeriod: flags['health-start-period'],
    StartInterval: flags['health-start-interval'],
    OnFailure: flags['health-on-failure'],
    Retries: flags['health-retries'],
  }
  const isSet = flags['health-cmd'] !== undefined || Object.values(times).some((value) => value !== undefined)
  if (flags['no-healthcheck']) {
    if (isSet) throw new CliError('INVALID', '--no-healthcheck conflicts with --health-* options')
    return { Test: ['NONE'] }
  }
  if (!isSet) return undefined
  const Test = flags['health-cmd'] === undefined ? undefined : ['CMD-SHELL', flags['health-cmd']]
  const given = Object.entries({ Test, ...times }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as HealthConfig
}
