import { statSync, type BigIntStats } from 'node:fs'
import { splitDevice } from '@gantry/linux'
import type { BlockIoSpec, DeviceRate, DeviceRule, DeviceSpec } from '@gantry/runtime'
import type { BlockRate, Resources } from '../container/spec.ts'
import { EngineError } from '../engine-error.ts'

/** What the runtime needs to give a container a device of the host. @throws EngineError SPEC_INVALID when it is not a device */
export function deviceOf({ source, target, access }: { source: string; target: string; access: string }): {
  node: DeviceSpec
  rule: DeviceRule
} {
  const status = statusOf(source)
  if (status === undefined || !(status.isCharacterDevice() || status.isBlockDevice()))
    throw new EngineError(
      'SPEC_INVALID',
      `error gathering device information while adding custom device "${source}": ${status === undefined ? 'no such file or directory' : 'not a device node'}`,
    )
  const type = status.isBlockDevice() ? 'b' : 'c'
  const { major, minor } = splitDevice(status.rdev)
  const [uid, gid] = [Number(status.uid), Number(status.gid)]
  return {
    node: { path: target, type, major, minor, fileMode: Number(status.mode & 0o777n), uid, gid },
    rule: { allow: true, type, major, minor, access },
  }
}

/** Reads a rule of the device cgroup: `c 10:200 rwm`, with `*` for any number, `a` for any device. @throws EngineError SPEC_INVALID */
export function parseDeviceRule(text: string): DeviceRule {
  const [, type, major, minor, access] = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text) ?? []
  if (type === undefined || access === undefined)
    throw new EngineError('SPEC_INVALID', `invalid device cgroup format '${text}': expected such as "c 10:200 rwm"`)
  return {
    allow: true,
    type: type as 'a' | 'b' | 'c',
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  }
}

/** Weights and rates of block devices, by their numbers; undefined where there are none. @throws EngineError SPEC_INVALID */
export function blockIoOf({
  blkioWeight,
  blkioWeightDevices = [],
  blkioRates = [],
}: Resources): BlockIoSpec | undefined {
  if (blkioWeight === undefined && blkioWeightDevices.length === 0 && blkioRates.length === 0) return undefined
  const ratesOf = (what: BlockRate['what']): readonly DeviceRate[] =>
    blkioRates.filter((each) => each.what === what).map(({ path, rate }) => ({ ...blockDevice(path), rate }))
  const rates = {
    throttleReadBpsDevice: ratesOf('readBytes'),
    throttleWriteBpsDevice: ratesOf('writeBytes'),
    throttleReadIOPSDevice: ratesOf('readOperations'),
    throttleWriteIOPSDevice: ratesOf('writeOperations'),
  }
  return {
    ...(blkioWeight === undefined ? {} : { weight: blkioWeight }),
    ...(blkioWeightDevices.length === 0
      ? {}
      : { weightDevice: blkioWeightDevices.map(({ path, weight }) => ({ ...blockDevice(path), weight })) }),
    ...Object.fromEntries(Object.entries(rates).filter(([, each]) => each.length > 0)),
  }
}

function blockDevice(path: string): { major: number; minor: number } {
  const status = statusOf(path)
  if (status?.isBlockDevice() === true) return splitDevice(status.rdev)
  const problem = status === undefined ? 'there is no such file' : 'it is no block device'
  throw new EngineError('SPEC_INVALID', `Cannot limit the device "${path}": ${problem}`)
}

function statusOf(path: string): BigIntStats | undefined {
  return statSync(path, { throwIfNoEntry: false, bigint: true })
}
