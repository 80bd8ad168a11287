import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Host, Site } from '@gantry/linux'
import type { MountRequest, NetworkChoice, ContainerSpec } from '../spec.ts'
import type { EngineError } from '../../engine-error.ts'
import { invalid } from './id-ranges.ts'

/** What of a container a user namespace does not go with, or needs. */
type Checked = Pick<ContainerSpec, 'security' | 'namespaces'> & {
  readonly network: NetworkChoice
  readonly mounts: readonly MountRequest[]
}

/** Refuses what cannot work in a user namespace. @throws EngineError SPEC_INVALID */
export function checkUsers(
  { security, namespaces, network }: Checked,
  {
    host,
    site,
    rehearsing,
  }: {
    readonly host: Pick<Host, 'userNamespaces' | 'kernelVersion'>
    readonly site: Pick<Site, 'root'>
    readonly rehearsing?: true
  },
): void {
  const [major, minor] = host.kernelVersion
  if (!host.userNamespaces) throw invalid('Cannot give the container a user namespace: the kernel has none')
  if (major < 5 || (major === 5 && minor < 19))
    throw invalid(
      `Cannot give the container a user namespace: Linux ${String(major)}.${String(minor)} cannot show image layers with other owners`,
      'this needs Linux 5.19',
    )
  if (security.privileged)
    throw invalid(
      'privileged mode is incompatible with user namespaces. You must run the container in the host namespace when running privileged mode',
      'add --userns=host, or the capabilities that it needs with --cap-add',
    )
  for (const kind of ['pid', 'ipc'] as const)
    if (namespaces[kind] !== undefined)
      throw invalid(
        `cannot share ${kind.toUpperCase()} namespaces with others when user namespaces are enabled: the kernel lets only their owner mount ${kind === 'pid' ? '/proc' : '/dev/mqueue'}`,
        `leave --${kind} or --userns out`,
      )
  if (network.kind === 'container')
    throw invalid(
      `cannot share the network of container "${network.container}" when user namespaces are enabled: the kernel lets only those in who own it`,
      'put both containers on one network (--network NAME), or leave --userns out',
    )
  // Where a run is only planned, the root is another, of which nothing is used.
  if (rehearsing !== true) mustBePassable(site.root)
}

/** Refuses the idmap option where there is nothing to map. @throws EngineError SPEC_INVALID */
export function checkNoUsers({ mounts }: Pick<Checked, 'mounts'>): void {
  const mapped = mounts.find((mount) => mount.type === 'bind' && mount.idmap === true)
  if (mapped !== undefined) throw needsUsers(mapped.target)
}

/** The error for a mount whose owners are to be mapped in a container with the host's users. */
export function needsUsers(target: string): EngineError {
  return invalid(`Cannot map the owners of "${target}": idmap needs a container with a user namespace`, 'add --userns')
}

/** The container's root passes the directories above its root file system as a user of the host like any other. */
function mustBePassable(root: string): void {
  for (let at = root; ; at = dirname(at)) {
    const { mode } = statSync(at)
    if ((mode & 0o001) === 0)
      throw invalid(
        `Cannot give the container a user namespace: its users may not pass "${at}" (mode ${(mode & 0o7777).toString(8)}), where its root file system is`,
        `chmod o+x ${at}, or choose another root directory with --root`,
      )
    if (dirname(at) === at) return
  }
}
