import type { ContainerSpec } from '../container/spec.ts'

/** What would let a refused call through: one flag of `run`. */
export type Remedy =
  | { readonly kind: 'capability'; readonly name: string }
  | { readonly kind: 'seccomp'; readonly calls: readonly string[]; readonly profile: string }
  | { readonly kind: 'system-paths' }
  | { readonly kind: 'sysctl'; readonly key: string }
  | { readonly kind: 'writable-root'; readonly directory: string }
  | { readonly kind: 'writable-mount'; readonly target: string }
  | { readonly kind: 'device-rule'; readonly rule: string; readonly path: string }
  | { readonly kind: 'new-privileges' }
  | { readonly kind: 'apparmor' }
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'host-users' }
  | { readonly kind: 'exec-mount'; readonly target: string }

/** A remedy as it is typed. */
export function flagOf(remedy: Remedy): string {
  switch (remedy.kind) {
    case 'capability':
      return `--cap-add ${remedy.name.replace(/^CAP_/, '')}`
    case 'seccomp':
      return `--security-opt seccomp=FILE, a profile that allows ${remedy.calls.join(', ')} (--write-profile FILE writes it)`
    case 'system-paths':
      return '--security-opt systempaths=unconfined'
    case 'sysctl':
      return `--sysctl ${remedy.key}=VALUE`
    case 'writable-root':
      return `--tmpfs ${remedy.directory}, or a volume there (-v NAME:${remedy.directory}), or no --read-only`
    case 'writable-mount':
      return `the mount on ${remedy.target} without "ro"`
    case 'device-rule':
      return `--device-cgroup-rule '${remedy.rule}' (of a device of the host: --device ${remedy.path})`
    case 'new-privileges':
      return 'no --security-opt no-new-privileges'
    case 'apparmor':
      return '--security-opt apparmor=unconfined'
    case 'user':
      return `--user ${remedy.user}`
    case 'host-users':
      return '--userns host'
    case 'exec-mount':
      return `the mount on ${remedy.target} with "exec" (--tmpfs ${remedy.target}:exec)`
  }
}

const onHost = new Set([
  // It remounts what is read-only, /proc/sys among it.
  'CAP_SYS_ADMIN',
  // It opens files of the host by their handles.
  'CAP_DAC_READ_SEARCH',
  'CAP_BPF',
  'CAP_PERFMON',
  'CAP_SYS_TIME',
  'CAP_SYS_BOOT',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_MAC_ADMIN',
])

/** Whether a command that has it may act on the host itself: its clock, its kernel, its settings, its devices, its files. */
export function reachesHost(remedy: Remedy): boolean {
  if (remedy.kind === 'capability') return onHost.has(remedy.name)
  return remedy.kind === 'host-users' || remedy.kind === 'system-paths' || remedy.kind === 'device-rule'
}

/** A container's specification with the remedy; undefined for one that only a person can fill in. */
export function withRemedy(spec: ContainerSpec, remedy: Remedy): ContainerSpec | undefined {
  const { security } = spec
  const secure = (change: Partial<ContainerSpec['security']>): ContainerSpec => ({
    ...spec,
    security: { ...security, ...change },
  })
  switch (remedy.kind) {
    case 'capability':
      return secure({
        capAdd: [...security.capAdd, remedy.name],
        capDrop: security.capDrop.filter((name) => name !== remedy.name),
      })
    case 'seccomp':
      return secure({ seccomp: { profile: remedy.profile } })
    case 'system-paths':
      return secure({ maskedPaths: [], readonlyPaths: [] })
    case 'sysctl':
      return undefined
    case 'writable-root':
      return { ...spec, readonlyRoot: false }
    case 'writable-mount':
      return {
        ...spec,
        mounts: spec.mounts.map((mount) =>
          mount.target === remedy.target && mount.type !== 'tmpfs' && mount.type !== 'image'
            ? { ...mount, readonly: false }
            : mount,
        ),
      }
    case 'device-rule':
      return secure({ deviceRules: [...(security.deviceRules ?? []), remedy.rule] })
    case 'new-privileges':
      return secure({ noNewPrivileges: false })
    case 'apparmor':
      return secure({ apparmor: 'unconfined' })
    case 'user':
      return { ...spec, user: remedy.user }
    case 'host-users': {
      const { users: _users, ...rest } = spec
      const mounts = spec.mounts.map((mount) => (mount.type === 'bind' ? { ...mount, idmap: false } : mount))
      return { ...rest, mounts }
    }
    case 'exec-mount':
      return {
        ...spec,
        mounts: spec.mounts.map((mount) =>
          mount.target === remedy.target && mount.type === 'tmpfs'
            ? { ...mount, options: [...mount.options.filter((option) => option !== 'noexec'), 'exec'] }
            : mount,
        ),
      }
  }
}
