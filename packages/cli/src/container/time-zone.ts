import { realpathSync } from 'node:fs'
import type { Mount } from '@gantry/client'
import { CliError } from '../cli-error.ts'

const zones = '/usr/share/zoneinfo'

/** The mount that gives a container a time zone of this machine. @throws CliError INVALID */
export function timeZoneMount(zone: string): Mount {
  const named = /^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+)*$/.test(zone)
  try {
    if (!named) throw new Error('it is no name of a zone')
    const Source = realpathSync(zone === 'local' ? '/etc/localtime' : `${zones}/${zone}`)
    return { Type: 'bind', Source, Target: '/etc/localtime', ReadOnly: true }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CliError('INVALID', `Cannot use the time zone "${zone}": ${why}`, { cause, hint: `they are in ${zones}` })
  }
}
