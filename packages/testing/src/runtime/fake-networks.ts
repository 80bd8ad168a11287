import { NetworkError, type Endpoint, type Network, type Networks } from '@gantry/network'

/** Networks without a kernel: addresses are counted, nothing is connected. */
export function fakeNetworks(): Networks & { readonly connected: readonly string[] } {
  const networks = new Map<string, Network>()
  const endpoints = new Map<string, Endpoint[]>()
  const ports = new Map<string, string>()
  let next = 2
  const add = (name: string, labels: Readonly<Record<string, string>> = {}): Network => {
    const network: Network = {
      id: Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64),
      name,
      driver: 'bridge',
      subnet: '10.88.0.0/16',
      gateway: '10.88.0.1',
      bridge: 'fake0',
      internal: false,
      labels,
      options: {},
      created: 0,
    }
    networks.set(name, network)
    return network
  }
  add('bridge')
  return {
    create: async (name, options = {}) => {
      if (networks.has(name)) throw new NetworkError('NETWORK_EXISTS', `network with name ${name} already exists`)
      return add(name, options.labels)
    },
    list: () => [...networks.values()],
    inspect: (name) => networks.get(name),
    remove: async (name) => {
      if (!networks.delete(name)) throw new NetworkError('NETWORK_UNKNOWN', `network ${name} not found`)
    },
    connect: async ({ owner, container, network: wanted = 'bridge', ports: asked = [] }) => {
      const network = networks.get(wanted)
      if (network === undefined) throw new NetworkError('NETWORK_UNKNOWN', `network ${wanted} not found`)
      if (endpoints.get(owner)?.some((each) => each.network === wanted) === true)
        throw new NetworkError('ALREADY_CONNECTED', `container is connected to ${wanted} already`)
      for (const { hostPort = 0, protocol } of asked) {
        const taken = ports.get(`${hostPort}/${protocol}`)
        if (hostPort !== 0 && taken !== undefined && taken !== owner)
          throw new NetworkError('PORT_TAKEN', `Cannot publish port ${hostPort}/${protocol}: container ${taken} has it`)
        ports.set(`${hostPort}/${protocol}`, owner)
      }
      const endpoint: Endpoint = {
        id: container.id,
        endpointId: container.id,
        network: network.name,
        networkId: network.id,
        owner,
        containerId: container.id,
        containerName: container.name,
        names: [container.name, ...(container.aliases ?? [])],
        ip: `10.88.0.${next++}`,
        prefixLength: 16,
        mac: '02:00:00:00:00:01',
        gateway: network.gateway,
        netns: `fake-${container.id.slice(0, 12)}`,
        netnsPath: `/run/netns/fake-${container.id.slice(0, 12)}`,
        link: 'eth0',
        hostLink: 'veth0',
        bridge: network.bridge,
        gatewayPriority: 0,
        ports: asked.map(({ hostIp = '0.0.0.0', hostPort = 0, containerPort, protocol }) => ({
          hostIp,
          hostPort: hostPort === 0 ? 40_000 + next : hostPort,
          containerPort,
          protocol,
        })),
        portFds: asked.map(() => -1),
        releasePorts: () => undefined,
        resolvConf: `nameserver ${network.gateway}\n`,
      }
      endpoints.set(owner, [...(endpoints.get(owner) ?? []), endpoint])
      return endpoint
    },
    nameServers: (owner) => (endpoints.get(owner) ?? []).slice(0, 1).map(({ gateway }) => gateway),
    rename: async () => undefined,
    isolate: async ({ container }) => `fake-${container.id.slice(0, 12)}`,
    check: ({ network: wanted = 'bridge' }) => {
      const network = networks.get(wanted)
      if (network === undefined) throw new NetworkError('NETWORK_UNKNOWN', `network ${wanted} not found`)
      return network
    },
    disconnect: async ({ owner, network }) => {
      if (network !== undefined) {
        endpoints.set(
          owner,
          (endpoints.get(owner) ?? []).filter((each) => each.network !== network),
        )
        return
      }
      endpoints.delete(owner)
      for (const [key, holder] of ports) if (holder === owner) ports.delete(key)
    },
    endpoints: ({ network, owner } = {}) =>
      [...endpoints.values()]
        .flat()
        .filter(
          (each) =>
            (network === undefined || each.network === network) && (owner === undefined || each.owner === owner),
        ),
    settle: async () => undefined,
    recover: async () => undefined,
    checks: () => [],
    firewall: async () => ({ ports: [], rules: [], obstacles: [] }),
    get connected() {
      return [...endpoints.keys()]
    },
  }
}
