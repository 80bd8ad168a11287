import type { EndpointRecord as NetworkEndpoint } from '@gantry/network'
import type { EndpointRecord } from '../container/record.ts'
import type { NetworkChoice } from '../container/spec.ts'

/** What a container keeps of a connection of its run. */
export function endpointRecord(endpoint: NetworkEndpoint, choice: NetworkChoice): EndpointRecord {
  const attachments = choice.kind === 'networks' ? choice.networks : []
  const { ip6, prefixLength6, gateway6 } = endpoint
  return {
    network: endpoint.network,
    networkId: endpoint.networkId,
    endpointId: endpoint.id,
    address: endpoint.ip,
    prefixLength: endpoint.prefixLength,
    gateway: endpoint.gateway,
    ...(ip6 === undefined ? {} : { address6: ip6 }),
    ...(prefixLength6 === undefined ? {} : { prefixLength6 }),
    ...(gateway6 === undefined ? {} : { gateway6 }),
    mac: endpoint.mac,
    aliases: attachments.find(({ network }) => network === endpoint.network)?.aliases ?? [],
    netns: `/run/netns/${endpoint.netns}`,
    ports: endpoint.ports.map(({ hostIp, hostPort, containerPort, protocol, proxy }) => ({
      hostIp,
      hostPort,
      containerPort,
      protocol,
      ...(proxy === undefined ? {} : { proxy }),
    })),
  }
}
