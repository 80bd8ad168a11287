import { formatSubnet, overlaps, parseSubnet, type Subnet } from './ipv4.ts'
import { NetworkError } from './network-error.ts'

/** Where a subnet comes from when nobody gives one. */
export interface Pool {
  readonly first: string
  readonly count: number
}

/** One /16 for the default network: room for tens of thousands of containers. */
export const defaultPool: Pool = { first: '10.210.0.0/16', count: 10 }
/** /20s for the others. */
export const userPool: Pool = { first: '10.220.0.0/20', count: 320 }

/** The first subnet of a pool that overlaps nothing taken. @throws NetworkError SUBNET_EXHAUSTED */
export function chooseSubnet(pool: Pool, taken: readonly Subnet[]): Subnet {
  const first = parseSubnet(pool.first)
  const step = 2 ** (32 - first.prefix)
  for (let index = 0; index < pool.count; index++) {
    const candidate = { base: first.base + index * step, prefix: first.prefix }
    if (!taken.some((other) => overlaps(candidate, other))) return candidate
  }
  throw new NetworkError(
    'SUBNET_EXHAUSTED',
    'Cannot choose a subnet: every one of the pool overlaps a route of this host',
    {
      subject: formatSubnet(first),
      hint: 'give one with --subnet, or remove networks that are not used',
    },
  )
}
