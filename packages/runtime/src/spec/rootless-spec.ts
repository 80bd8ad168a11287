import type { Host } from '@gantry/linux'
import { RuntimeError } from '../runtime-error.ts'
import type { LinuxSpec, MountSpec, RuntimeSpec, UserSpec } from './runtime-spec.ts'

/** What of the host decides how a container in a user namespace differs from one of root. */
export interface RootlessHost {
  readonly privileges: Pick<Host['privileges'], 'single'>
  readonly cgroup: Pick<Host['cgroup'], 'mode'>
  /** Whether the kernel lets us mount a /proc of our own: not where parts of the present one are hidden. */
  readonly ownProc: boolean
}

/**
 * Makes of a container's configuration one that works in a user namespace entered before: no control group and no limits, since
 * none is ours; /sys of the outside, read-only, since a new one belongs to who owns the network; of devices those that there are.
 * System calls stay filtered and capabilities dropped. Pure.
 * @throws RuntimeError HOST_DENIED when it is for a user other than root and there is no other
 * @see https://github.com/opencontainers/runc/blob/main/docs/spec-conformance.md
 */
export function rootlessSpec(spec: RuntimeSpec, host: RootlessHost): RuntimeSpec {
  return {
    ...spec,
    process: { ...spec.process, user: userOf(spec.process.user, host) },
    mounts: spec.mounts.map((mount) => mountOf(mount, host)),
    linux: linuxOf(spec.linux, host),
  }
}

function userOf(user: UserSpec, { privileges }: RootlessHost): UserSpec {
  if (!privileges.single) return user
  const { uid, gid, additionalGids: _none, ...rest } = user
  if (uid === 0 && gid === 0) return { ...rest, uid, gid }
  throw new RuntimeError(
    'HOST_DENIED',
    `Cannot run as user ${String(uid)}, group ${String(gid)}: only one id is mapped`,
    {
      hint: subordinateIds,
    },
  )
}

/** What to do where there is one id only. */
export const subordinateIds: string =
  'install "newuidmap" (package uidmap) and give this user subordinate ids: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER'

function mountOf(mount: MountSpec, { cgroup, privileges, ownProc }: RootlessHost): MountSpec {
  const { destination, type, options = [] } = mount
  if (type === 'sysfs') return bound(destination, ['nosuid', 'noexec', 'nodev', 'ro'])
  if (type === 'proc' && !ownProc) return bound(destination, ['nosuid', 'noexec', 'nodev'])
  // What the outside shows there is not ours; in a unified tree the kernel shows our part of it.
  if (type === 'cgroup' && cgroup.mode !== 'v2') {
    return { destination, type: 'tmpfs', source: 'tmpfs', options: ['ro', 'nosuid', 'noexec', 'nodev', 'mode=755'] }
  }
  if (type === 'devpts' && privileges.single) {
    return { ...mount, options: options.filter((option) => !option.startsWith('gid=')) }
  }
  return mount
}

function bound(path: string, options: readonly string[]): MountSpec {
  return { destination: path, type: 'bind', source: path, options: ['rbind', 'rprivate', ...options] }
}

function linuxOf(linux: LinuxSpec, { ownProc }: RootlessHost): LinuxSpec {
  const { cgroupsPath: _group, resources: _limits, sysctl, namespaces, ...rest } = linux
  // The range of groups that may send pings has to be mapped, and is the kernel's own then.
  const { 'net.ipv4.ping_group_range': _ping, ...settings } = sysctl ?? {}
  return {
    ...rest,
    namespaces: ownProc ? namespaces : namespaces.filter(({ type }) => type !== 'pid'),
    ...(Object.keys(settings).length === 0 ? {} : { sysctl: settings }),
    // A /proc that is the outside's hides already what is to be hidden.
    ...(ownProc ? {} : { maskedPaths: [], readonlyPaths: [] }),
  }
}
