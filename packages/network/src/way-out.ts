import type { EndpointRow, NetworkRow } from './network-rows.ts'

/**
 * The endpoint of a container that packets for the rest of the world leave by, and that its published ports lead to: of those whose
 * network has a way out the one with the highest priority, of several the first.
 * @param endpoints of one container, in the order in which they were made
 */
export function wayOut(
  endpoints: readonly EndpointRow[],
  options: {
    readonly network: (name: string) => NetworkRow | undefined
    /** Only those with an IPv6 address. */
    readonly six?: boolean
    /** Only those that published ports can lead to. */
    readonly published?: boolean
  },
): EndpointRow | undefined {
  const candidates = endpoints.filter(({ network: name, ip6 }) => {
    const network = options.network(name)
    if (network === undefined || network.internal) return false
    return (options.six !== true || ip6 !== undefined) && (options.published !== true || network.driver === 'bridge')
  })
  return candidates.reduce<EndpointRow | undefined>(
    (best, each) => (best === undefined || each.gatewayPriority > best.gatewayPriority ? each : best),
    undefined,
  )
}
