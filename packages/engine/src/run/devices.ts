import { statSync } from 'node:fs'
import type { DeviceRule, DeviceSpec } from '@gantry/runtime'
import { EngineError } from '../engine-error.ts'

/** What the runtime needs to give a container a device of the host. @throws EngineError SPEC_INVALID when it is not a device */
export function deviceOf({ source, target, access }: { source: string; target: string; access: string }): {
  node: DeviceSpec
  rule: DeviceRule
} {
  const status = statSync(source, { throwIfNoEntry: false })
  if (status === undefined || !(status.isCharacterDevice() || status.isBlockDevice()))
    throw new EngineError(
      'SPEC_INVALID',
      `error gathering device information while adding custom device "${source}": ${status === undefined ? 'no such file or directory' : 'not a device node'}`,
    )
  const type = status.isBlockDevice() ? 'b' : 'c'
  const major = ((status.rdev >> 8) & 0xfff) | ((status.rdev / 2 ** 32) & ~0xfff)
  const minor = (status.rdev & 0xff) | ((status.rdev >> 12) & 0xfff00)
  return {
    node: { path: target, type, major, minor, fileMode: status.mode & 0o777, uid: status.uid, gid: status.gid },
    rule: { allow: true, type, major, minor, access },
  }
}
