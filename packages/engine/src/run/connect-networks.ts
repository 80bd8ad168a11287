import { closeSync } from 'node:fs'
import type { Endpoint } from '@gantry/network'
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
  /** Closes the copies of this process. */
  close(): void
}

/** Connects a container to what it asked for. What is made belongs to the run's owner.
 * @throws NetworkError NETWORK_UNKNOWN, PORT_TAKEN, SUBNET_EXHAUSTED; EngineError CONTAINER_NOT_RUNNING (of `container:`) */
export async function connectNetworks(context: Context, record: ContainerRecord, owner: string): Promise<Connected> {
  const { network } = record.spec
  if (network.kind === 'container') return joinContainer(context, network.container)
  if (network.kind !== 'networks') {
    const resolvConf = await context.networks.resolvConf({ dns: record.spec.dns })
    return alone({ namespace: network.kind === 'host' ? 'host' : 'private', resolvConf })
  }
  const endpoints: Endpoint[] = []
  for (const attachment of network.networks)
    endpoints.push(await connectOne(context, record, { attachment, owner, first: endpoints.length === 0 }))
  const [first] = endpoints
  if (first === undefined) return alone({ namespace: 'private', resolvConf: '' })
  const fds = endpoints.flatMap(({ ports }) => ports.flatMap(({ fd }) => (fd === undefined ? [] : [fd])))
  return {
    namespace: { path: first.netnsPath },
    endpoints: endpoints.map((endpoint, index) =>
      endpointRecord(endpoint, network.networks[index] as NetworkAttachment),
    ),
    resolvConf: await context.networks.resolvConf({ endpoint: first, dns: record.spec.dns }),
    filesOf: undefined,
    fds,
    close: () => {
      for (const fd of fds) closeSync(fd)
    },
  }
}

function connectOne(
  { networks }: Context,
  { id, name, spec }: ContainerRecord,
  { attachment, owner, first }: { attachment: NetworkAttachment; owner: string; first: boolean },
): Promise<Endpoint> {
  return networks.connect({
    owner,
    container: { id, name, aliases: [...attachment.aliases, shortId(id)] },
    network: attachment.network,
    ports: first ? spec.ports : [],
    ...(attachment.address === undefined ? {} : { ip: attachment.address }),
    ...(attachment.mac === undefined ? {} : { mac: attachment.mac }),
  })
}

function endpointRecord(endpoint: Endpoint, { network, aliases }: NetworkAttachment): EndpointRecord {
  return {
    network,
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

function alone({ namespace, resolvConf }: Pick<Connected, 'namespace' | 'resolvConf'>): Connected {
  return { namespace, endpoints: [], resolvConf, filesOf: undefined, fds: [], close: () => undefined }
}

function joinContainer({ containers }: Context, reference: string): Connected {
  const { id, status, progress } = containers.find(reference)
  if (status !== 'running' || progress.pid === 0)
    throw new EngineError('CONTAINER_NOT_RUNNING', `cannot join network of a non running container: ${id}`)
  const path = `/proc/${String(progress.pid)}/ns/net`
  return { ...alone({ namespace: { path }, resolvConf: undefined }), filesOf: id }
}
