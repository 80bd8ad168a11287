import { hash } from 'node:crypto'
import type { PlacedPackage } from '../layout/layout.ts'

/**
 * Spreads packages over a number of layers by their names alone: a package that changes, comes or goes touches one layer, and all
 * versions of one are in the same. Each layer is sorted by path; empty ones are left out.
 */
export function bucketsOf(packages: readonly PlacedPackage[], count: number): readonly (readonly PlacedPackage[])[] {
  const buckets = Array.from({ length: count }, (): PlacedPackage[] => [])
  for (const placed of packages) buckets[bucketOf(placed.locked.name, count)]!.push(placed)
  return buckets.filter((bucket) => bucket.length > 0)
}

/** The layer that a package belongs to, from 0. */
export function bucketOf(name: string, count: number): number {
  return Number.parseInt(hash('sha256', name, 'hex').slice(0, 12), 16) % count
}
