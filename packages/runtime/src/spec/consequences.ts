import { readlinkSync } from 'node:fs'
import type { Consequence } from '@gantry/linux'
import { capabilityMask } from './capabilities.ts'
import type { MountSpec, ResourcesSpec, RuntimeSpec } from './runtime-spec.ts'

/**
 * What the OCI runtime made inside one `create`, in words: read back from the configuration and from /proc while the first process
 * waits. In the order in which the kernel was asked.
 */
export function consequencesOf(spec: RuntimeSpec, pid: number): readonly Consequence[] {
  return [
    ...spec.linux.namespaces.map((entry) => namespaceConsequence(entry.type, entry.path, pid)),
    ...limitConsequences(spec.linux.resources ?? {}, spec.linux.cgroupsPath ?? ''),
    ...spec.mounts.map(mountConsequence),
    ...hidden(spec),
    ...sysctlConsequences(spec.linux.sysctl ?? {}),
    ...privilege(spec),
  ]
}

const namespacePurpose: Readonly<Record<string, string>> = {
  mount: 'its own table of mounts',
  network: 'its own links, addresses, routes and ports',
  uts: 'its own host name',
  pid: 'its own process numbers: its first process is number 1',
  ipc: 'its own shared memory, semaphores and message queues',
  cgroup: 'its own view of the control groups',
  user: 'its own user and group numbers',
  time: 'its own boot time',
}

const namespaceFile: Readonly<Record<string, string>> = { mount: 'mnt', network: 'net' }

function namespaceConsequence(type: string, path: string | undefined, pid: number): Consequence {
  const inode = namespaceInode(type, pid)
  const purpose = namespacePurpose[type] ?? type
  const joined = path === undefined ? 'a new' : 'the prepared'
  return {
    kind: 'namespace',
    sentence: `${joined} ${type} namespace${inode === undefined ? '' : ` (${inode})`}: ${purpose}`,
    why: 'what happens inside is not seen outside, and the other way round',
    command: path === undefined ? `unshare --${flagOf(type)}` : `nsenter --${flagOf(type)}=${path}`,
    args: { type, ...(path === undefined ? {} : { path }), ...(inode === undefined ? {} : { inode }) },
  }
}

function flagOf(type: string): string {
  return namespaceFile[type] === 'mnt' ? 'mount' : (namespaceFile[type] ?? type)
}

function namespaceInode(type: string, pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${String(pid)}/ns/${namespaceFile[type] ?? type}`)
  } catch {
    return undefined
  }
}

function limitConsequences(resources: ResourcesSpec, group: string): Consequence[] {
  const items: Consequence[] = []
  const say = (name: string, sentence: string, value: number): void => {
    items.push({ kind: 'limit', sentence, why: `of control group ${group}`, args: { name, value } })
  }
  const { memory, cpu, pids } = resources
  if (memory?.limit !== undefined) say('memory', `at most ${String(memory.limit)} bytes of memory`, memory.limit)
  if (memory?.swap !== undefined)
    say('memory-swap', `at most ${String(memory.swap)} bytes of memory and swap`, memory.swap)
  if (cpu?.quota !== undefined) {
    const share = cpu.quota / (cpu.period ?? 100_000)
    say('cpus', `at most ${String(share)} processors' time`, share)
  }
  if (cpu?.shares !== undefined) say('cpu-shares', `a weight of ${String(cpu.shares)} for processor time`, cpu.shares)
  if (pids !== undefined) say('pids', `at most ${String(pids.limit)} processes`, pids.limit)
  if (resources.devices !== undefined) {
    const allowed = resources.devices.filter((rule) => rule.allow).length
    say('devices', `device nodes closed but for ${String(allowed)} rules`, allowed)
  }
  return items
}

function mountConsequence(mount: MountSpec): Consequence {
  const source = mount.source ?? mount.type ?? 'none'
  const options = (mount.options ?? []).join(',')
  return {
    kind: 'mount',
    sentence: `${mount.destination} is ${mount.type === 'bind' || mount.type === undefined ? source : mount.type}${options === '' ? '' : ` (${options})`}`,
    why: 'seen in its mount namespace only',
    command: `mount -t ${mount.type ?? 'none'} -o ${options === '' ? 'defaults' : options} ${source} ROOTFS${mount.destination}`,
    args: { ...(mount.source === undefined ? {} : { source: mount.source }), target: mount.destination },
  }
}

function hidden(spec: RuntimeSpec): Consequence[] {
  const masked = spec.linux.maskedPaths ?? []
  const fixed = spec.linux.readonlyPaths ?? []
  return [
    ...(masked.length === 0
      ? []
      : [
          {
            kind: 'masked-paths',
            sentence: `hidden: ${masked.join(' ')}`,
            why: 'they tell of or act on the host',
            args: { paths: masked },
          },
        ]),
    ...(fixed.length === 0
      ? []
      : [
          {
            kind: 'readonly-paths',
            sentence: `read-only: ${fixed.join(' ')}`,
            why: 'writing there changes the host',
            args: { paths: fixed },
          },
        ]),
    ...(spec.root.readonly === true
      ? [{ kind: 'readonly-root', sentence: 'the root file system is read-only', why: 'asked for', args: {} }]
      : []),
  ]
}

function sysctlConsequences(values: Readonly<Record<string, string>>): Consequence[] {
  return Object.entries(values).map(([key, value]) => ({
    kind: 'sysctl',
    sentence: `${key} is ${value} inside`,
    command: `sysctl -w ${key}='${value}'`,
    args: { key, value },
  }))
}

function privilege(spec: RuntimeSpec): Consequence[] {
  const bounding = spec.process.capabilities?.bounding ?? []
  const items: Consequence[] = [
    {
      kind: 'capabilities',
      sentence: `${String(bounding.length)} capabilities (${capabilityMask(bounding)}): ${bounding.map((name) => name.slice(4).toLowerCase()).join(' ')}`,
      why: 'root inside may do these things and no others of root',
      args: { bounding },
    },
  ]
  const { seccomp } = spec.linux
  if (seccomp !== undefined) {
    const allowed = new Set(seccomp.syscalls?.flatMap((rule) => (rule.action === 'SCMP_ACT_ALLOW' ? rule.names : [])))
    items.push({
      kind: 'seccomp',
      sentence: `a seccomp filter lets ${String(allowed.size)} system calls through; the others fail`,
      why: 'the kernel offers less to attack',
      args: { allowed: allowed.size, defaultAction: seccomp.defaultAction },
    })
  }
  if (spec.process.apparmorProfile !== undefined) {
    items.push({
      kind: 'apparmor',
      sentence: `AppArmor profile ${spec.process.apparmorProfile}`,
      args: { profile: spec.process.apparmorProfile },
    })
  }
  if (spec.process.noNewPrivileges === true) {
    items.push({
      kind: 'no-new-privileges',
      sentence: 'no program can gain privileges, setuid ones included',
      args: {},
    })
  }
  const { user } = spec.process
  items.push({
    kind: 'user',
    sentence: `runs as user ${String(user.uid)}, group ${String(user.gid)}`,
    args: { uid: user.uid, gid: user.gid },
  })
  return items
}
