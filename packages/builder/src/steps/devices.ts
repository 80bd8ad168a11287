import { findDevices as find, RuntimeError, type ContainerDevices } from '@gantry/runtime'
import { BuildError } from '../build-error.ts'

/**
 * Finds the devices that a RUN asks for. Builds run no hooks: a device that wants one is refused.
 * @throws BuildError DEVICE_MISSING, SOURCE_UNREADABLE
 */
export function findDevices(
  wanted: readonly { readonly name: string; readonly required: boolean }[],
  directories?: readonly string[],
): ContainerDevices {
  try {
    return find(wanted, { refuseHooks: true, ...(directories === undefined ? {} : { directories }) })
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error
    const { message, hint } = error
    const code = error.code === 'DEVICE_SPEC_INVALID' ? 'SOURCE_UNREADABLE' : 'DEVICE_MISSING'
    throw new BuildError(code, message, { hint, cause: error })
  }
}
