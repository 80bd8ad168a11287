import type { BlockDeviceRate } from '@gantry/client'
import { CliError } from '../cli-error.ts'
import { parseBytes } from '../format/human-size.ts'

/** Reads `--device-read-bps /dev/sda:10mb`: a path and bytes a second. @throws CliError INVALID */
export function deviceBytes(text: string): BlockDeviceRate {
  return deviceRate(text, parseBytes)
}

/** Reads `--device-read-iops /dev/sda:1000`: a path and operations a second. @throws CliError INVALID */
export function deviceOperations(text: string): BlockDeviceRate {
  return deviceRate(text, (value) => {
    if (!/^\d+$/.test(value)) throw new Error(`"${value}" is not a whole number`)
    return Number(value)
  })
}

/** Reads `--blkio-weight-device /dev/sda:500`. @throws CliError INVALID */
export function deviceWeight(text: string): { Path: string; Weight: number } {
  const { Path, Rate } = deviceOperations(text)
  return { Path, Weight: Rate }
}

function deviceRate(text: string, parse: (value: string) => number): BlockDeviceRate {
  const at = text.lastIndexOf(':')
  const path = text.slice(0, at)
  try {
    if (at < 1) throw new Error('it is not DEVICE:VALUE')
    if (!path.startsWith('/dev/')) throw new Error(`"${path}" is not a path below /dev`)
    return { Path: path, Rate: parse(text.slice(at + 1)) }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CliError('INVALID', `bad format for device limit "${text}": ${why}`, { cause })
  }
}
