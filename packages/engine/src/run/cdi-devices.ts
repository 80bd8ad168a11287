import { findDevices, gpuKind, type ContainerDevices } from '@gantry/runtime'
import type { Security } from '../container/spec.ts'
import { EngineError } from '../engine-error.ts'

/** The devices that a container is given by their names, GPUs among them. Their hooks are run: who describes a device in /etc/cdi is
 * root. @throws EngineError NOT_SUPPORTED where no GPU is described; RuntimeError DEVICE_MISSING, DEVICE_SPEC_INVALID */
export function cdiDevices({ cdi = [], gpus }: Pick<Security, 'cdi' | 'gpus'>): ContainerDevices {
  const names = [...cdi, ...gpuNames(gpus)]
  return findDevices(names.map((name) => ({ name, required: true })))
}

function gpuNames(gpus: Security['gpus']): readonly string[] {
  if (gpus === undefined) return []
  const kind = gpuKind()
  if (kind === undefined)
    throw new EngineError('NOT_SUPPORTED', 'could not select device driver "" with capabilities: [[gpu]]', {
      hint: 'describe the GPUs of this machine in /etc/cdi, in JSON: nvidia-ctk cdi generate --format=json --output=/etc/cdi/nvidia.json',
    })
  if (gpus === 'all') return [`${kind}=all`]
  const ids = typeof gpus === 'number' ? Array.from({ length: gpus }, (_, index) => String(index)) : gpus
  return ids.map((id) => `${kind}=${id}`)
}
