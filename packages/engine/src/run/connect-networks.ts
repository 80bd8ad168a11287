import { hostResolvConf, resolvConf, type Endpoint } from '@gantry/network'
import type { NamespaceChoice } from '@gantry/runtime'
import type { Context } from '../context.ts'
import { shortId } from '../container/identity.ts'
import type { ContainerRecord, EndpointRecord } from '../container/record.ts'
import type { NetworkAttachment } from '../container/spec.ts'
import { EngineError } from '../engine-error.ts'

/** The network of a container that is about to run. */
export interface Connected {
  readonly namespace: NamespaceChoice
  readonly endpoints: readonly EndpointRecord[]
  /** Content of /etc/resolv.conf; absent where another container's files are used. */
  readonly resolvConf: string | undefined
  /** The container whose hosts and resolv.conf this one shares. */
  readonly filesOf: string | undefined
  /** Reserved port sockets for the monitor, which takes its own copies. */
  readonly fds: readonly number[]
  /** Closes the copies of this process. Idempotent. */
  close(): void
}

/** Connects a container to what it asked for. What is made belongs to the run's owner.
 * @throws NetworkError NETWORK_UNKNOWN, PORT_TAKEN, SUBNET_EXHAUSTED; EngineError CONTAINER_NOT_RUNNING (of `container:`) */
export async function connectNetworks(context: Context, record: ContainerRecord, owner: string): Promise<Connected> {
  const { network, dns } = record.spec
  if (network.kind === 'container') return joinContainer(context, network.container)
  const endpoints: Endpoint[] = []
  const close = (): void => {
    for (const endpoint of endpoints) endpoint.releasePorts()
  }
  const attachments = network.kind === 'networks' ? network.networks : []
  try {
    for (const attachment of attachments)
      endpoints.push(await connectOne(context, record, { attachment, owner, first: endpoints[0] }))
  } catch (error) {
    close()
    throw error
  }
  const [first] = endpoints
  return {
    namespace: first === undefined ? (network.kind === 'host' ? 'host' : 'private') : { path: first.netnsPath },
    endpoints: endpoints.map((endpoint, index) => endpointRecord(endpoint, attachments[index] as NetworkAttachment)),
    resolvConf: resolvConf({
      host: first?.resolvConf ?? hostResolvConf(),
      hostNetwork: network.kind === 'host',
      servers: dns.servers,
      ...(dns.search.length === 0 ? {} : { search: dns.search }),
      ...(dns.options.length === 0 ? {} : { options: dns.options }),
    }),
    filesOf: undefined,
    fds: endpoints.flatMap(({ portFds }) => portFds),
    close,
  }
}

function connectOne(
  { networks }: Context,
  { id, name, spec }: ContainerRecord,
  { attachment, owner, first }: { attachment: NetworkAttachment; owner: string; first: Endpoint | undefined },
): Promise<Endpoint> {
  return networks.connect({
    owner,
    container: { id, name, hostname: spec.hostname, aliases: [...attachment.aliases, shortId(id)] },
    network: attachment.network,
    ports: first === undefined ? spec.ports : [],
    ...(attachment.address === undefined ? {} : { ip: attachment.address }),
    ...(attachment.mac === undefined ? {} : { mac: attachment.mac }),
    ...(first === undefined ? {} : { netns: first.netns }),
  })
}

function endpointRecord(endpoint: Endpoint, { aliases }: NetworkAttachment): EndpointRecord {
  return {
    network: endpoint.network,
    networkId: endpoint.networkId,
    endpointId: endpoint.endpointId,
    address: endpoint.ip,
    prefixLength: endpoint.prefixLength,
    gateway: endpoint.gateway,
    mac: endpoint.mac,
    aliases,
    netns: endpoint.netnsPath,
    ports: endpoint.ports.map(({ hostIp, hostPort, containerPort, protocol }) => ({
      hostIp,
      hostPort,
      containerPort,
      protocol,
    })),
  }
}

function joinContainer({ containers }: Context, reference: string): Connected {
  const { id, status, progress } = containers.find(reference)
  if (status !== 'running' || progress.pid === 0)
    throw new EngineError('CONTAINER_NOT_RUNNING', `cannot join network of a non running container: ${id}`)
  return {
    namespace: isOnHost(containers, id) ? 'host' : { path: `/proc/${String(progress.pid)}/ns/net` },
    endpoints: [],
    resolvConf: undefined,
    filesOf: id,
    fds: [],
    close: () => undefined,
  }
}

/** Whether a container has the host's network, itself or through the one whose network it shares. */
function isOnHost(containers: Context['containers'], reference: string): boolean {
  const { network } = containers.find(reference).spec
  return network.kind === 'host' || (network.kind === 'container' && isOnHost(containers, network.container))
}
