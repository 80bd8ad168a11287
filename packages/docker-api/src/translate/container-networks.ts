import type { EndpointSettings, PortMap, PortSummary } from '@gantry/client'
import type { ContainerRecord, EndpointRecord } from '@gantry/engine'
import { defined } from './fields.ts'

/** What a container is connected to, by the names of the networks. Of one that does not run, what it will be connected to. */
export function endpointSettings({ spec, progress, id }: ContainerRecord): Record<string, EndpointSettings> {
  if (spec.network.kind === 'none' || spec.network.kind === 'host') return { [spec.network.kind]: blankEndpoint() }
  if (spec.network.kind === 'container') return {}
  const settings: Record<string, EndpointSettings> = {}
  for (const { network, aliases, address, address6, mac, gatewayPriority } of spec.network.networks) {
    const endpoint = progress.endpoints.find((each) => each.network === network)
    const asked = defined({ IPv4Address: address, IPv6Address: address6 })
    settings[network] = {
      ...(endpoint === undefined ? { ...blankEndpoint(), MacAddress: mac ?? '' } : connectedEndpoint(endpoint)),
      IPAMConfig: Object.keys(asked).length > 0 ? asked : null,
      GwPriority: gatewayPriority ?? 0,
      Aliases: aliases.length > 0 ? [...aliases] : null,
      DNSNames: network === 'bridge' ? null : [...aliases, id.slice(0, 12)],
    }
  }
  return settings
}

function blankEndpoint(): EndpointSettings {
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    MacAddress: '',
    DriverOpts: null,
    NetworkID: '',
    EndpointID: '',
    Gateway: '',
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  }
}

function connectedEndpoint(endpoint: EndpointRecord): EndpointSettings {
  return {
    ...blankEndpoint(),
    MacAddress: endpoint.mac,
    NetworkID: endpoint.networkId,
    EndpointID: endpoint.endpointId,
    Gateway: endpoint.gateway,
    IPAddress: endpoint.address,
    IPPrefixLen: endpoint.prefixLength,
    IPv6Gateway: endpoint.gateway6 ?? '',
    GlobalIPv6Address: endpoint.address6 ?? '',
    GlobalIPv6PrefixLen: endpoint.prefixLength6 ?? 0,
  }
}

/** Ports of a running container as inspect shows them; exposed ones that are not published are null. */
export function portMap({ spec, progress }: ContainerRecord): PortMap {
  const ports: PortMap = {}
  if (progress.pid === 0) return ports
  for (const port of spec.exposed) ports[port] = null
  for (const { hostIp, hostPort, containerPort, protocol } of progress.endpoints.flatMap((each) => each.ports)) {
    const key = `${containerPort}/${protocol}`
    ports[key] = [...(ports[key] ?? []), { HostIp: hostIp, HostPort: String(hostPort) }]
  }
  return ports
}

/** Ports of a container as lists show them. */
export function portSummaries({ spec, progress }: ContainerRecord): PortSummary[] {
  if (progress.pid === 0) return []
  const published = progress.endpoints.flatMap((each) => each.ports)
  const bare = spec.exposed.filter(
    (port) => !published.some((each) => port === `${each.containerPort}/${each.protocol}`),
  )
  return [
    ...published.map(({ hostIp, hostPort, containerPort, protocol }) => ({
      IP: hostIp,
      PrivatePort: containerPort,
      PublicPort: hostPort,
      Type: protocol,
    })),
    ...bare.map((port) => {
      const [number, type = 'tcp'] = port.split('/')
      return { PrivatePort: Number(number), Type: type }
    }),
  ]
}

/** The network mode as Docker writes it. */
export function networkMode({ spec }: ContainerRecord): string {
  const { network } = spec
  if (network.kind === 'container') return `container:${network.container}`
  return network.kind === 'networks' ? (network.networks[0]?.network ?? 'none') : network.kind
}
