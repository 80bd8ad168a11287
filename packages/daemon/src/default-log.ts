import { chooseLog, EngineError, type LogDefault } from '@gantry/engine'
import { DaemonError } from './daemon-error.ts'
import type { DaemonSettings } from './settings.ts'

/** Where output goes when a container does not say, by the settings of a root. @throws DaemonError SETTINGS_INVALID */
export function defaultLogOf({ logDriver: driver = '', logOpts: options = {} }: DaemonSettings): LogDefault {
  try {
    const chosen = chooseLog({ driver, options })
    // As it was given: what is not said follows the driver that a container takes.
    return { driver: chosen.driver, options }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw new DaemonError('SETTINGS_INVALID', `Cannot use the default log of the settings: ${error.message}`, {
      cause: error,
      hint: error.hint ?? 'say another one with "gantry daemon start --log-driver … --log-opt …"',
    })
  }
}
