import { readFileSync, statSync } from 'node:fs'

/** What this process may do to the machine, which its user's number alone does not tell. */
export interface HostPrivileges {
  /** Whether it may mount and make namespaces: it has CAP_SYS_ADMIN, be it only over its own user namespace. */
  readonly mounts: boolean
  /** Whether it may do so over the machine itself, and not only over a user namespace. */
  readonly machine: boolean
  /** Whether it may give files to other users: it has CAP_CHOWN, and there are others. */
  readonly owners: boolean
  /** Whether there is one user and one group only. */
  readonly single: boolean
  /** Which ids of the machine those here are, as a short text; empty where they are the same. */
  readonly idMap: string
}

const bits = { CAP_CHOWN: 0n, CAP_SYS_ADMIN: 21n } as const
// PROC_USER_INIT_INO: a namespace with the whole range of ids in it may be another all the same.
const firstNamespace = 0xeffffffd

/** Reads the privileges of this process. */
export function readPrivileges(): HostPrivileges {
  const text = (path: string): string => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return ''
    }
  }
  const self = '/proc/self'
  return privilegesOf({
    status: text(`${self}/status`),
    maps: [text(`${self}/uid_map`), text(`${self}/gid_map`)],
    isFirst: (statSync(`${self}/ns/user`, { throwIfNoEntry: false })?.ino ?? firstNamespace) === firstNamespace,
  })
}

/** What a process's `status`, the maps of its user namespace, and whether that is the machine's tell of its privileges. Pure. */
export function privilegesOf(self: {
  readonly status: string
  /** `uid_map` and `gid_map`. */
  readonly maps: readonly string[]
  readonly isFirst: boolean
}): HostPrivileges {
  const { status, isFirst } = self
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`)
  const has = (name: keyof typeof bits): boolean => ((effective >> bits[name]) & 1n) === 1n
  const maps = self.maps.map(extents)
  const single = !isFirst && maps.some((map) => map.every((extent) => extent.endsWith(' 1')))
  const isSame = maps.every((map) => map.every((extent) => /^(\d+) \1 /.test(extent)))
  return {
    mounts: has('CAP_SYS_ADMIN'),
    machine: isFirst && has('CAP_SYS_ADMIN'),
    owners: has('CAP_CHOWN') && !single,
    single,
    idMap: isSame ? '' : maps.map((map) => map.join(',')).join(';'),
  }
}

function extents(map: string): string[] {
  return map
    .split('\n')
    .map((line) => line.trim().replaceAll(/\s+/g, ' '))
    .filter(Boolean)
}
