import type { Owner } from './ledger.ts'

/** The owners that an owner is nested in, the nearest first: `container/1` and `container` for `container/1/run`. */
export function outerOwners(owner: Owner): readonly Owner[] {
  const outer: Owner[] = []
  for (let slash = owner.lastIndexOf('/'); slash > 0; slash = owner.lastIndexOf('/', slash - 1)) {
    outer.push(owner.slice(0, slash))
  }
  return outer
}

/** Whether an owner is another or nested in it. */
export function isWithin(owner: Owner, outer: Owner): boolean {
  return owner === outer || owner.startsWith(`${outer}/`)
}

/** How deep an owner is nested. */
export function depthOf(owner: Owner): number {
  return owner.split('/').length
}
