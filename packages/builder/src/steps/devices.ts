import { type Stats, statSync } from 'node:fs'
import type { DeviceRule, DeviceSpec, MountSpec } from '@gantry/runtime'
import { BuildError } from '../build-error.ts'
import { type DeviceNode, type DevicesSpec, type Edits, readSpecs } from './device-specs.ts'

/** What a container gets for the devices that its RUN asks for. */
export interface ContainerDevices {
  readonly nodes: readonly DeviceSpec[]
  readonly rules: readonly DeviceRule[]
  readonly mounts: readonly MountSpec[]
  /** Places that the runtime makes so that it can mount there. */
  readonly points: readonly { readonly path: string; readonly type: 'file' | 'directory' }[]
  readonly env: readonly string[]
  readonly additionalGids: readonly number[]
}

/** Where specifications of devices lie; of one device in several, the last counts. */
const cdiDirectories: readonly string[] = ['/etc/cdi', '/var/run/cdi']

/**
 * Finds devices by their names of the Container Device Interface (https://github.com/cncf-tags/container-device-interface):
 * `vendor.com/class=name`, `vendor.com/class=*` for all of a class, `vendor.com/class` for its first. Devices that this machine does
 * not have are left out, unless they are required. Hooks are programs that would run on this machine as root: a device with one is
 * refused.
 * @throws BuildError DEVICE_MISSING, SOURCE_UNREADABLE
 */
export function findDevices(
  wanted: readonly { readonly name: string; readonly required: boolean }[],
  directories: readonly string[] = cdiDirectories,
): ContainerDevices {
  const edits: Edits[] = []
  const specs = wanted.length === 0 ? [] : readSpecs(directories)
  for (const { name, required } of wanted) {
    const found = select(specs, name)
    if (found.length === 0 && required) throw missing(name, specs, directories)
    for (const { spec, device } of found) {
      for (const each of [spec.containerEdits, device.containerEdits]) {
        if (each === undefined || edits.includes(each)) continue
        refuseHooks(name, spec.file, each)
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
  }
}

function nodeOf(node: DeviceNode): { readonly spec: DeviceSpec; readonly rule: DeviceRule } {
  const stats = statOf(node.hostPath ?? node.path)
  if (!stats.isCharacterDevice() && !stats.isBlockDevice()) {
    throw new BuildError('DEVICE_MISSING', `Cannot use "${node.hostPath ?? node.path}" as a device: it is none`)
  }
  const type = stats.isBlockDevice() ? 'b' : 'c'
  // Linux's encoding of device numbers, as in <sys/sysmacros.h>.
  const major = node.major ?? (stats.rdev >>> 8) & 0xfff
  const minor = node.minor ?? (stats.rdev & 0xff) | ((stats.rdev >>> 12) & 0xfff00)
  const fileMode = node.fileMode ?? stats.mode & 0o777
  const { uid = stats.uid, gid = stats.gid } = node
  return {
    spec: { path: node.path, type, major, minor, fileMode, uid, gid },
    rule: { allow: true, type, major, minor, access: node.permissions ?? 'rwm' },
  }
}

function statOf(path: string): Stats {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats !== undefined) return stats
  throw new BuildError('DEVICE_MISSING', `Cannot use "${path}" for a device: this machine does not have it`)
}

function refuseHooks(name: string, file: string, { hooks = [] }: Edits): void {
  if (hooks.length === 0) return
  const message = `Cannot use the device "${name}": "${file}" wants programs of this machine run for it`
  throw new BuildError('DEVICE_MISSING', message, {
    hint: 'builds run no hooks of devices: use a specification without them',
  })
}

function missing(name: string, specs: readonly DevicesSpec[], directories: readonly string[]): BuildError {
  const known = specs.flatMap(({ kind, devices }) => devices.map((device) => `${kind}=${device.name}`))
  const there = known.length === 0 ? 'none' : known.slice(0, 10).join(', ')
  return new BuildError('DEVICE_MISSING', `Cannot find the device "${name}" on this machine`, {
    hint: `devices are described by *.json in ${directories.join(' and ')}; there now: ${there}`,
  })
}
