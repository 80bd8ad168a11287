import type { BaseLock } from './base-lock.ts'

/** How a package of one architecture differs between two locks; without a version on the side that has none of it. */
export interface LockChange {
  readonly architecture: string
  readonly name: string
  readonly from?: string
  readonly to?: string
}

/** What a new lock changes, sorted by architecture and name. Equal versions with other bytes count as a change. */
export function compareLocks(before: BaseLock | undefined, after: BaseLock): readonly LockChange[] {
  const architectures = new Set([...Object.keys(before?.architectures ?? {}), ...Object.keys(after.architectures)])
  return [...architectures].toSorted().flatMap((architecture) => {
    const old = contentsOf(before, architecture)
    const now = contentsOf(after, architecture)
    return [...new Set([...old.keys(), ...now.keys()])].toSorted().flatMap((name): LockChange[] => {
      const [from, to] = [old.get(name), now.get(name)]
      if (from?.key === to?.key) return []
      return [
        {
          architecture,
          name,
          ...(from === undefined ? {} : { from: from.version }),
          ...(to === undefined ? {} : { to: to.version }),
        },
      ]
    })
  })
}

function contentsOf(
  lock: BaseLock | undefined,
  architecture: string,
): ReadonlyMap<string, { readonly version: string; readonly key: string }> {
  const part = lock?.architectures[architecture]
  const packages = (part?.packages ?? []).map(({ name, version, sha256 }) => [name, { version, key: sha256 }] as const)
  const node = part?.node
  return new Map(
    node === undefined ? packages : [...packages, [node.package, { version: node.version, key: node.integrity }]],
  )
}
