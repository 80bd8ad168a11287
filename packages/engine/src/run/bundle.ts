import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostnameFile } from '@gantry/network'
import {
  defaultSpec,
  mergeEnv,
  parseSeccompProfile,
  withHome,
  type Bundle,
  type ContainerFiles,
  type NamespaceChoice,
  type SpecOptions,
} from '@gantry/runtime'
import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import { cleanPath } from '../container/plan.ts'
import type { ContainerSpec, Security } from '../container/spec.ts'
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
  { connected, rootfs }: { connected: Connected; rootfs: PreparedRootfs },
): Bundle {
  const { id } = record
  const directory = containerDirectory(context, id)
  const files = writeFiles(context, record, connected)
  return { id, directory, spec: defaultSpec(specOptions(context, record, { connected, rootfs, files })) }
}

function writeFiles(context: Context, record: ContainerRecord, connected: Connected): ContainerFiles {
  const own = containerDirectory(context, record.id)
  const hostname = join(own, 'hostname')
  writeFileSync(hostname, hostnameFile(record.spec.hostname))
  if (connected.filesOf !== undefined) {
    const other = containerDirectory(context, connected.filesOf)
    return { hostname, hosts: join(other, 'hosts'), resolvConf: join(other, 'resolv.conf') }
  }
  const hosts = join(own, 'hosts')
  const resolvConf = join(own, 'resolv.conf')
  writeFileSync(hosts, hostsOf(record, connected))
  writeFileSync(resolvConf, connected.resolvConf ?? '')
  return { hostname, hosts, resolvConf }
}

function specOptions(
  context: Context,
  { id, spec }: ContainerRecord,
  { connected, rootfs, files }: { connected: Connected; rootfs: PreparedRootfs; files: ContainerFiles },
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
    user: { uid, gid, additionalGids: [...new Set([...additionalGids, ...cdi.additionalGids])] },
    terminal: spec.terminal,
    ...(spec.consoleSize === undefined ? {} : { consoleSize: spec.consoleSize }),
    hostname: spec.hostname,
    ...(spec.domainname === '' ? {} : { domainname: spec.domainname }),
    cgroupsPath: groupOf(context, { id, spec }),
    network: connected.namespace,
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
