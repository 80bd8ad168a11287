import { formatSubnet6, overlaps6, uniqueLocalSubnet, type Subnet6 } from './ipv6.ts'
import { NetworkError } from './network-error.ts'

const tries = 256

/**
 * A unique local subnet that overlaps nothing taken: all of a site share 40 bits of chance, each network has a number after them.
 * @param site at least 5 bytes of chance, the same for all networks of a site
 * @param random gives a number below 65,536
 * @throws NetworkError SUBNET_EXHAUSTED
 */
export function chooseSubnet6(site: Uint8Array, taken: readonly Subnet6[], random: () => number): Subnet6 {
  for (let each = 0; each < tries; each++) {
    const candidate = uniqueLocalSubnet(site, random())
    if (!taken.some((other) => overlaps6(candidate, other))) return candidate
  }
  throw new NetworkError('SUBNET_EXHAUSTED', 'Cannot choose an IPv6 subnet: those tried overlap routes of this host', {
    subject: formatSubnet6(uniqueLocalSubnet(site, 0)),
    hint: 'give one with --subnet',
  })
}
