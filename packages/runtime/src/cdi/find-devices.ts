import { statSync, type BigIntStats } from 'node:fs'
import { splitDevice } from '@gantry/linux'
import { RuntimeError } from '../runtime-error.ts'
import type { DeviceRule, DeviceSpec, HookSpec, MountSpec } from '../spec/runtime-spec.ts'
import { type DeviceNode, type DevicesSpec, type Edits, readSpecs } from './device-specs.ts'

/** What a container gets for the devices that it is given. */
export interface ContainerDevices {
  readonly nodes: readonly DeviceSpec[]
  readonly rules: readonly DeviceRule[]
  readonly mounts: readonly MountSpec[]
  /** Places that the runtime makes so that it can mount there. */
  readonly points: readonly { readonly path: string; readonly type: 'file' | 'directory' }[]
  readonly env: readonly string[]
  readonly additionalGids: readonly number[]
  /** Programs of this machine that the runtime runs, by the point of the container's life. */
  readonly hooks: Readonly<Record<string, readonly HookSpec[]>>
}

/** Where specifications of devices lie; of one device in several, the last counts. */
const cdiDirectories: readonly string[] = ['/etc/cdi', '/var/run/cdi']

/**
 * Finds devices by their names of the Container Device Interface (https://github.com/cncf-tags/container-device-interface):
 * `vendor.com/class=name`, `vendor.com/class=*` for all of a class, `vendor.com/class` for its first. Devices that this machine does
 * not have are left out, unless they are required. Hooks are programs that run on this machine as root: with `refuseHooks` a device
 * with one is refused.
 * @throws RuntimeError DEVICE_MISSING, DEVICE_SPEC_INVALID
 */
export function findDevices(
  wanted: readonly { readonly name: string; readonly required: boolean }[],
  {
    directories = cdiDirectories,
    refuseHooks = false,
  }: { directories?: readonly string[]; refuseHooks?: boolean } = {},
): ContainerDevices {
  const edits: Edits[] = []
  const specs = wanted.length === 0 ? [] : readSpecs(directories)
  for (const { name, required } of wanted) {
    const found = select(specs, name)
    if (found.length === 0 && required) throw missing(name, specs, directories)
    for (const { spec, device } of found) {
      for (const each of [spec.containerEdits, device.containerEdits]) {
        if (each === undefined || edits.includes(each)) continue
        if (refuseHooks) checkHooks(name, spec.file, each)
        edits.push(each)
      }
    }
  }
  return contentOf(edits)
}

function select(
  specs: readonly DevicesSpec[],
  wanted: string,
): { readonly spec: DevicesSpec; readonly device: DevicesSpec['devices'][number] }[] {
  const equals = wanted.indexOf('=')
  const kind = equals === -1 ? wanted : wanted.slice(0, equals)
  const name = equals === -1 ? undefined : wanted.slice(equals + 1)
  const all = specs
    .filter((spec) => spec.kind === kind)
    .flatMap((spec) => spec.devices.map((device) => ({ spec, device })))
  const byName = new Map(all.map((found) => [found.device.name, found]))
  if (name === '*') return [...byName.values()]
  const found = name === undefined ? [...byName.values()][0] : byName.get(name)
  return found === undefined ? [] : [found]
}

function contentOf(edits: readonly Edits[]): ContainerDevices {
  const nodes = edits.flatMap(({ deviceNodes }) => deviceNodes ?? []).map(nodeOf)
  const mounts = edits.flatMap((each) => each.mounts ?? [])
  return {
    nodes: nodes.map(({ spec }) => spec),
    rules: nodes.map(({ rule }) => rule),
    mounts: mounts.map(({ hostPath, containerPath, options = ['ro', 'rprivate'], type = 'bind' }) => ({
      destination: containerPath,
      type,
      source: hostPath,
      options: options.some((option) => /^r?bind$/.test(option)) ? options : ['rbind', ...options],
    })),
    points: mounts.map(({ hostPath, containerPath }) => ({
      path: containerPath,
      type: statOf(hostPath).isDirectory() ? 'directory' : 'file',
    })),
    env: edits.flatMap(({ env }) => env ?? []),
    additionalGids: [...new Set(edits.flatMap(({ additionalGids }) => additionalGids ?? []))],
    hooks: hooksOf(edits),
  }
}

function hooksOf(edits: readonly Edits[]): ContainerDevices['hooks'] {
  const found: Record<string, HookSpec[]> = {}
  for (const { hookName, ...hook } of edits.flatMap(({ hooks }) => hooks ?? [])) (found[hookName] ??= []).push(hook)
  return found
}

function nodeOf(node: DeviceNode): { readonly spec: DeviceSpec; readonly rule: DeviceRule } {
  const stats = statOf(node.hostPath ?? node.path)
  if (!stats.isCharacterDevice() && !stats.isBlockDevice()) {
    throw new RuntimeError('DEVICE_MISSING', `Cannot use "${node.hostPath ?? node.path}" as a device: it is none`)
  }
  const type = stats.isBlockDevice() ? 'b' : 'c'
  const numbers = splitDevice(stats.rdev)
  const { major = numbers.major, minor = numbers.minor } = node
  const { fileMode = Number(stats.mode & 0o777n), uid = Number(stats.uid), gid = Number(stats.gid) } = node
  return {
    spec: { path: node.path, type, major, minor, fileMode, uid, gid },
    rule: { allow: true, type, major, minor, access: node.permissions ?? 'rwm' },
  }
}

function statOf(path: string): BigIntStats {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true })
  if (stats !== undefined) return stats
  throw new RuntimeError('DEVICE_MISSING', `Cannot use "${path}" for a device: this machine does not have it`)
}

function checkHooks(name: string, file: string, { hooks = [] }: Edits): void {
  if (hooks.length === 0) return
  const message = `Cannot use the device "${name}": "${file}" wants programs of this machine run for it`
  throw new RuntimeError('DEVICE_MISSING', message, {
    hint: 'no hooks of devices are run here: use a specification without them',
  })
}

function missing(name: string, specs: readonly DevicesSpec[], directories: readonly string[]): RuntimeError {
  const known = specs.flatMap(({ kind, devices }) => devices.map((device) => `${kind}=${device.name}`))
  const there = known.length === 0 ? 'none' : known.slice(0, 10).join(', ')
  return new RuntimeError('DEVICE_MISSING', `Cannot find the device "${name}" on this machine`, {
    hint: `devices are described by *.json and *.yaml in ${directories.join(' and ')}; there now: ${there}`,
  })
}

/** The kind of GPUs that this machine describes, such as `nvidia.com/gpu`; undefined when it describes none. */
export function gpuKind(directories: readonly string[] = cdiDirectories): string | undefined {
  return readSpecs(directories).find(({ kind }) => kind.endsWith('/gpu'))?.kind
}
