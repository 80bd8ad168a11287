import type { DeviceRequest } from '@gantry/client'
import { CliError } from '../cli-error.ts'

/** Whether `--device` names a device of the Container Device Interface, `vendor.com/class=name`, and not a path. */
export function isCdiDevice(text: string): boolean {
  return !text.startsWith('/') && /^[^/=:]+\/[^/=:]+=.+$/.test(text)
}

/** The devices of `--device vendor.com/class=name` and `--gpus`, as the Engine API asks for them. @throws CliError INVALID */
export function deviceRequests({
  device,
  gpus,
}: {
  readonly device: readonly string[]
  readonly gpus: string | undefined
}): DeviceRequest[] {
  const names = device.filter(isCdiDevice)
  return [
    ...(names.length === 0 ? [] : [{ Driver: 'cdi', DeviceIDs: names }]),
    ...(gpus === undefined ? [] : [gpuRequest(gpus)]),
  ]
}

/** Reads `all`, a number, or `device=0,1`, which Docker wants in quotes because of its comma. */
function gpuRequest(text: string): DeviceRequest {
  const Capabilities = [['gpu']]
  if (text === 'all') return { Count: -1, Capabilities }
  if (/^\d+$/.test(text)) return { Count: Number(text), Capabilities }
  const ids = /^"?device=([^"]+)"?$/.exec(text)?.[1]?.split(',')
  if (ids === undefined)
    throw new CliError('INVALID', `Cannot use "--gpus ${text}": it is none of all, a number, device=ID[,ID]`)
  return { DeviceIDs: ids, Capabilities }
}
