import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { effectiveCapabilities, type RuntimeSpec } from '@gantry/runtime'
import type { Context } from '../context.ts'
import { shortId } from '../container/identity.ts'
import type { ContainerRecord } from '../container/record.ts'
import { containerDirectory } from './create.ts'

/** One thing in which two containers differ. A value that is absent is undefined. */
export interface Difference {
  /** `configuration`, `namespaces`, `mounts`, `security`, `limits` or `network`. */
  readonly section: string
  readonly name: string
  readonly first: string | undefined
  readonly second: string | undefined
}

/** In what two containers differ. */
export interface Comparison {
  readonly first: ContainerRecord
  readonly second: ContainerRecord
  readonly differences: readonly Difference[]
}

type Facts = ReadonlyMap<string, string>

/** Compares what two containers are made of; names, ids and addresses that every container has of its own are left out. Of two that run,
 * also which namespaces they share. @throws EngineError CONTAINER_UNKNOWN */
export function compare(context: Context, reference: string, other: string): Comparison {
  const first = context.containers.find(reference)
  const second = context.containers.find(other)
  const [left, right] = [factsOf(context, first), factsOf(context, second)]
  const names = [...new Set([...left.keys(), ...right.keys()])]
  const differences = names
    .filter((name) => left.get(name) !== right.get(name))
    .map((key) => {
      const [section = '', name = ''] = key.split('\0')
      return { section, name, first: left.get(key), second: right.get(key) }
    })
  return { first, second, differences: [...differences, ...shared(first, second)] }
}

function factsOf(context: Context, record: ContainerRecord): Facts {
  const { spec, image } = record
  const facts = new Map<string, string>()
  const add = (section: string, name: string, value: unknown): void => {
    if (value === undefined || value === '' || value === false) return
    if (Array.isArray(value) && value.length === 0) return
    facts.set(`${section}\0${name}`, typeof value === 'string' ? value : JSON.stringify(value))
  }
  const { security, resources, namespaces } = spec
  add('configuration', 'image', spec.image)
  add('configuration', 'image id', image.id)
  for (const name of [
    'entrypoint',
    'command',
    'user',
    'workingDirectory',
    'domainname',
    'terminal',
    'stdin',
    'stopSignal',
    'stopTimeout',
    'init',
    'autoRemove',
    'restart',
    'health',
    'extraHosts',
    'dns',
  ] as const)
    add('configuration', name, spec[name])
  for (const entry of spec.env) {
    if (entry === `HOSTNAME=${shortId(record.id)}`) continue
    const at = entry.indexOf('=')
    add('configuration', `env ${entry.slice(0, at)}`, entry.slice(at + 1) || '""')
  }
  for (const [name, value] of Object.entries(spec.labels)) add('configuration', `label ${name}`, value)
  for (const name of ['pid', 'ipc', 'uts', 'cgroup'] as const) add('namespaces', name, namespaces[name] ?? 'its own')
  for (const { target, ...mount } of spec.mounts)
    add('mounts', target, mount.type === 'volume' && mount.anonymous ? { ...mount, name: 'anonymous' } : mount)
  add('mounts', 'root file system', spec.readonlyRoot ? 'read-only' : 'writable')
  add('security', 'privileged', security.privileged)
  add(
    'security',
    'capabilities',
    effectiveCapabilities({ add: security.capAdd, drop: security.capDrop, privileged: security.privileged }).join(' '),
  )
  add(
    'security',
    'seccomp',
    typeof security.seccomp === 'string' ? security.seccomp : `profile ${security.seccomp.profile}`,
  )
  for (const name of [
    'noNewPrivileges',
    'apparmor',
    'groupAdd',
    'devices',
    'deviceRules',
    'maskedPaths',
    'readonlyPaths',
  ] as const)
    add('security', name, security[name])
  for (const [name, value] of Object.entries(resources)) add('limits', name, value)
  for (const [name, value] of Object.entries(spec.sysctls)) add('limits', `sysctl ${name}`, value)
  for (const [name, value] of fromRuntime(context, record)) add('security', name, value)
  const { network } = spec
  add('network', 'mode', network.kind === 'container' ? `container ${network.container}` : network.kind)
  if (network.kind === 'networks')
    for (const { network: name, ...attachment } of network.networks) add('network', name, attachment)
  for (const port of spec.ports) add('network', `port ${String(port.containerPort)}/${port.protocol}`, port)
  return facts
}

/** What the last run was really given, where it can be read. */
function fromRuntime(context: Context, { id, progress }: ContainerRecord): [string, unknown][] {
  if (progress.run === 0) return []
  try {
    const text = readFileSync(join(containerDirectory(context, id), 'config.json'), 'utf8')
    const { process, linux } = JSON.parse(text) as RuntimeSpec
    const calls = linux.seccomp?.syscalls?.flatMap(({ names, action }) => (action === 'SCMP_ACT_ALLOW' ? names : []))
    return [
      ['user as the kernel has it', `${String(process.user.uid)}:${String(process.user.gid)}`],
      ['system calls let through', calls === undefined ? 'all' : String(new Set(calls).size)],
    ]
  } catch {
    return []
  }
}

/** The namespaces that both are in, though each could have its own. */
function shared(first: ContainerRecord, second: ContainerRecord): Difference[] {
  if (first.progress.pid === 0 || second.progress.pid === 0) return []
  return ['net', 'pid', 'ipc', 'uts', 'mnt', 'cgroup', 'user'].flatMap((name) => {
    const [left, right, host] = [first.progress.pid, second.progress.pid, 1].map((pid) => inode(pid, name))
    if (left === undefined || right === undefined) return []
    const say = (value: string): string => (value === host ? "the host's" : value)
    // Each its own is what is expected, and so is the host's for both.
    if (left === right)
      return left === host ? [] : [{ section: 'namespaces', name, first: `shared ${left}`, second: 'the same' }]
    return left === host || right === host
      ? [{ section: 'namespaces', name, first: say(left), second: say(right) }]
      : []
  })
}

function inode(pid: number, name: string): string | undefined {
  try {
    return readlinkSync(`/proc/${String(pid)}/ns/${name}`)
  } catch {
    return undefined
  }
}
