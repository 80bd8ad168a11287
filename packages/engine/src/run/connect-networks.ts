import { hostResolvConf, resolvConf, type Endpoint } from '@gantry/network'
import type { NamespaceChoice } from '@gantry/runtime'
import type { Context } from '../context.ts'
import type { ContainerRecord, EndpointRecord } from '../container/record.ts'
import { EngineError } from '../engine-error.ts'
import { connectRequest } from './connect-request.ts'
import { endpointRecord } from './endpoint-record.ts'

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
 * A network namespace that is made belongs to the user namespace at `users`, if there is one.
 * @throws NetworkError NETWORK_UNKNOWN, PORT_TAKEN, SUBNET_EXHAUSTED; EngineError CONTAINER_NOT_RUNNING (of `container:`) */
export async function connectNetworks(
  context: Context,
  record: ContainerRecord,
  { owner, users }: { readonly owner: string; readonly users?: string | undefined },
): Promise<Connected> {
  const { network } = record.spec
  if (network.kind === 'container') return joinContainer(context, network.container)
  const endpoints: Endpoint[] = []
  const close = (): void => {
    for (const endpoint of endpoints) endpoint.releasePorts()
  }
  const attachments = network.kind === 'networks' ? network.networks : []
  const publishing = publishingNetwork(context, record)
  let netns: string | undefined
  try {
    for (const attachment of attachments) {
      const request = connectRequest(record, attachment, { owner, netns, users })
      const ports = attachment.network === publishing ? record.spec.ports : []
      const endpoint = await context.networks.connect({ ...request, ports })
      endpoints.push(endpoint)
      netns = endpoint.netns
    }
    if (network.kind === 'networks' && netns === undefined)
      netns = await context.networks.isolate({ owner, container: record, ...(users === undefined ? {} : { users }) })
  } catch (error) {
    close()
    throw error
  }
  const namespace = network.kind === 'host' ? 'host' : 'private'
  return {
    namespace: netns === undefined ? namespace : { path: `/run/netns/${netns}` },
    endpoints: context.networks.endpoints({ owner }).map((endpoint) => endpointRecord(endpoint, record.spec.network)),
    resolvConf: resolvConfOf(context, record, owner),
    filesOf: undefined,
    fds: endpoints.flatMap(({ portFds }) => portFds),
    close,
  }
}

/** Content of /etc/resolv.conf of a container with the networks that it has now. */
export function resolvConfOf(context: Context, { spec }: ContainerRecord, owner: string): string {
  const { servers, search, options } = spec.dns
  const [nameserver] = context.networks.nameServers(owner)
  return resolvConf({
    host: hostResolvConf(),
    ...(nameserver === undefined ? {} : { nameserver }),
    hostNetwork: spec.network.kind === 'host',
    servers,
    ...(search.length === 0 ? {} : { search }),
    ...(options.length === 0 ? {} : { options }),
  })
}

/** The network that published ports lead to: the one that leads out, or the first where none does, which will say why not. */
function publishingNetwork({ networks }: Context, { spec }: ContainerRecord): string | undefined {
  const attachments = spec.network.kind === 'networks' ? spec.network.networks : []
  const outward = attachments.filter(({ network }) => {
    const found = networks.inspect(network)
    return found?.driver === 'bridge' && !found.internal
  })
  const best = outward.toSorted((a, b) => (b.gatewayPriority ?? 0) - (a.gatewayPriority ?? 0))
  return (best[0] ?? attachments[0])?.network
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
