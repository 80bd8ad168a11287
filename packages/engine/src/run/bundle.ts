import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { IdRange } from '@gantry/linux'
import { hostnameFile } from '@gantry/network'
import {
  defaultSpec,
  mergeEnv,
  parseSeccompProfile,
  withHome,
  type Bundle,
  type ContainerFiles,
  type IdMapping,
  type NamespaceChoice,
  type SpecOptions,
} from '@gantry/runtime'
import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import { cleanPath } from '../container/plan.ts'
import type { ContainerSpec, Security } from '../container/spec.ts'
import { outsideOf } from '../container/users/container-users.ts'
import { EngineError } from '../engine-error.ts'
import { containerDirectory } from '../verbs/create.ts'
import type { Connected } from './connect-networks.ts'
import { cdiDevices } from './cdi-devices.ts'
import { blockIoOf, deviceOf, parseDeviceRule } from './devices.ts'
import { hostsOf } from './hosts-file.ts'
import type { PreparedRootfs } from './prepare-rootfs.ts'

/** Writes a run's hosts, hostname and resolv.conf, and makes the configuration that the runtime will write and execute. */
export function prepareBundle(
  context: Context,
  record: ContainerRecord,
  { connected, rootfs, users }: { connected: Connected; rootfs: PreparedRootfs; users?: string | undefined },
): Bundle {
  const { id } = record
  const directory = containerDirectory(context, id)
  const files = writeFiles(context, record, connected)
  return { id, directory, spec: defaultSpec(specOptions(context, record, { connected, rootfs, files, users })) }
}

function writeFiles(context: Context, record: ContainerRecord, connected: Connected): ContainerFiles {
  const own = containerDirectory(context, record.id)
  const hostname = join(own, 'hostname')
  writeFileSync(hostname, hostnameFile(record.spec.hostname))
  give(record, hostname)
  if (connected.filesOf !== undefined) {
    const other = containerDirectory(context, connected.filesOf)
    return { hostname, hosts: join(other, 'hosts'), resolvConf: join(other, 'resolv.conf') }
  }
  const hosts = join(own, 'hosts')
  const resolvConf = join(own, 'resolv.conf')
  writeFileSync(hosts, hostsOf(record, connected))
  writeFileSync(resolvConf, connected.resolvConf ?? '')
  give(record, hosts)
  give(record, resolvConf)
  return { hostname, hosts, resolvConf }
}

/** A file that the container's root may change is its own. */
function give({ spec: { users } }: ContainerRecord, path: string): void {
  if (users === undefined) return
  const { uid, gid } = outsideOf(users, { uid: 0, gid: 0 })
  chownSync(path, uid, gid)
}

function specOptions(
  context: Context,
  { id, spec }: ContainerRecord,
  {
    connected,
    rootfs,
    files,
    users,
  }: { connected: Connected; rootfs: PreparedRootfs; files: ContainerFiles; users: string | undefined },
): SpecOptions {
  const { security, resources, namespaces } = spec
  const {
    shmSize,
    oomScoreAdj,
    ulimits,
    blkioWeight: _w,
    blkioWeightDevices: _d,
    blkioRates: _r,
    ...limits
  } = resources
  const { uid, gid, additionalGids, home } = rootfs.user
  const cdi = cdiDevices(security)
  const devices = security.devices.map(deviceOf)
  const nodes = [...devices.map(({ node }) => node), ...cdi.nodes]
  const rules = [...devices.map(({ rule }) => rule), ...cdi.rules, ...(security.deviceRules ?? []).map(parseDeviceRule)]
  const blockIO = blockIoOf(resources)
  return {
    host: context.host,
    rootfs: rootfs.rootfs,
    readonlyRootfs: spec.readonlyRoot,
    args: [...spec.entrypoint, ...spec.command],
    env: withHome(mergeEnv(spec.env, [...cdi.env, ...rootfs.env]), home),
    cwd: spec.workingDirectory,
    user: {
      uid,
      gid,
      ...(spec.umask === undefined ? {} : { umask: spec.umask }),
      additionalGids: [...new Set([...additionalGids, ...cdi.additionalGids])],
    },
    terminal: spec.terminal,
    ...(spec.consoleSize === undefined ? {} : { consoleSize: spec.consoleSize }),
    hostname: spec.hostname,
    ...(spec.domainname === '' ? {} : { domainname: spec.domainname }),
    cgroupsPath: groupOf(context, { id, spec }),
    network: connected.namespace,
    ...usersOf(spec, users),
    ...choice('pid', namespaces.pid, context),
    ...choice('ipc', namespaces.ipc, context),
    ...(namespaces.uts === undefined ? {} : { uts: namespaces.uts }),
    ...(namespaces.cgroup === undefined ? {} : { cgroupNamespace: namespaces.cgroup }),
    files,
    mounts: [...cdi.mounts, ...rootfs.mounts],
    ...rootfsPropagation(spec),
    ...(shmSize === undefined ? {} : { shmSize }),
    ...initOf(context, spec),
    limits,
    capabilities: { add: security.capAdd, drop: security.capDrop },
    privileged: security.privileged,
    noNewPrivileges: security.noNewPrivileges,
    seccomp: seccompOf(security),
    ...(security.apparmor === undefined ? {} : { apparmorProfile: security.apparmor }),
    sysctls: spec.sysctls,
    rlimits: (ulimits ?? []).map(({ name, soft, hard }) => ({ type: `RLIMIT_${name.toUpperCase()}`, soft, hard })),
    ...(oomScoreAdj === undefined ? {} : { oomScoreAdj }),
    ...(nodes.length === 0 ? {} : { devices: nodes }),
    hooks: cdi.hooks,
    ...(rules.length === 0 ? {} : { deviceRules: rules }),
    ...(blockIO === undefined ? {} : { blockIO }),
    ...(security.maskedPaths === undefined ? {} : { maskedPaths: security.maskedPaths }),
    ...(security.readonlyPaths === undefined ? {} : { readonlyPaths: security.readonlyPaths }),
    annotations: spec.annotations,
  }
}

/** The container's user namespace at a path. A network that it shares is another's. */
function usersOf({ users, network }: ContainerSpec, path: string | undefined): Pick<SpecOptions, 'users'> {
  if (users === undefined || path === undefined) return {}
  const mapping = ({ inside, outside, size }: IdRange): IdMapping => ({ containerID: inside, hostID: outside, size })
  const ownsNetwork = network.kind === 'networks' || network.kind === 'none'
  return { users: { path, uids: users.uids.map(mapping), gids: users.gids.map(mapping), ownsNetwork } }
}

/** The group of a container. systemd, where it makes groups, wants a slice and a name for a scope. */
function groupOf({ site, host }: Context, { id, spec }: Pick<ContainerRecord, 'id' | 'spec'>): string {
  const { cgroupParent } = spec
  if (cgroupParent === undefined) return `/${site.instance}/${id}`
  return host.cgroup.manager === 'systemd'
    ? `${cgroupParent}:${site.instance}:${id}`
    : `${cleanPath(cgroupParent)}/${id}`
}

/** Mounts travel between the host and a bind only where the container's root lets them through. */
function rootfsPropagation({ mounts }: ContainerSpec): Pick<SpecOptions, 'rootfsPropagation'> {
  const asked = mounts.flatMap((mount) => (mount.type === 'bind' ? [mount.propagation] : []))
  if (asked.some((each) => each.endsWith('shared'))) return { rootfsPropagation: 'shared' }
  return asked.some((each) => each.endsWith('slave')) ? { rootfsPropagation: 'slave' } : {}
}

/** A privileged container has no filter, unless a profile is given. */
function seccompOf({ seccomp, privileged }: Security): NonNullable<SpecOptions['seccomp']> {
  if (typeof seccomp !== 'string') return parseSeccompProfile(seccomp.profile)
  return privileged ? 'unconfined' : seccomp
}

function initOf({ host }: Context, { init }: ContainerSpec): Pick<SpecOptions, 'init'> {
  if (!init) return {}
  const { catatonit } = host.tools
  if (catatonit === undefined)
    throw new EngineError('NOT_SUPPORTED', 'Cannot give the container an init: catatonit is not installed', {
      hint: 'install catatonit, or leave --init out',
    })
  return { init: catatonit }
}

function choice<K extends 'pid' | 'ipc'>(
  kind: K,
  asked: 'host' | { readonly container: string } | undefined,
  { containers }: Context,
): { [key in K]?: NamespaceChoice } {
  if (asked === undefined) return {}
  if (asked === 'host') return { [kind]: 'host' } as { [key in K]?: NamespaceChoice }
  const { progress, id } = containers.find(asked.container)
  if (progress.pid === 0)
    throw new EngineError(
      'CONTAINER_NOT_RUNNING',
      `cannot join ${kind.toUpperCase()} of a non running container: ${id}`,
    )
  return { [kind]: { path: `/proc/${String(progress.pid)}/ns/${kind}` } } as { [key in K]?: NamespaceChoice }
}
