import { networkOf } from '../access/network-of.ts'
import type { RegistryRequest } from '../exchange.ts'

/** Who asks, for counting: a user or key by its name, somebody unknown by the address. */
export function requesterOf({ principal, peer }: RegistryRequest): string {
  if (principal === undefined || principal.kind === 'anonymous') return `peer ${networkOf(peer)}`
  return `${principal.kind} ${principal.name}`
}
