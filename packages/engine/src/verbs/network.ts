import type { Context } from '../context.ts'
import { runOwner, type ContainerRecord, type PortRecord } from '../container/record.ts'
import type { NetworkAttachment, NetworkChoice } from '../container/spec.ts'
import { EngineError } from '../engine-error.ts'
import { connectRequest } from '../run/connect-request.ts'
import { resolvConfOf } from '../run/connect-networks.ts'
import { endpointRecord } from '../run/endpoint-record.ts'
import { networkFiles, refreshFiles, type NetworkFiles } from '../run/refresh-files.ts'

/** Connects a container to a further network: at once when it runs, else at its next start.
 * @throws EngineError CONTAINER_UNKNOWN, SPEC_INVALID, CONTAINER_REMOVING; NetworkError NETWORK_UNKNOWN, ALREADY_CONNECTED, ADDRESS_TAKEN, ADDRESS_INVALID, SUBNET_EXHAUSTED, CHANGE_FAILED */
export async function connectNetwork(context: Context, reference: string, asked: NetworkAttachment): Promise<void> {
  const { networks } = context
  const { id } = context.containers.find(reference)
  await context.live.of(id).lock.run(async () => {
    const record = changeable(context, id)
    const attachments = ownNetworks(record)
    const { name, id: networkId } = networks.check({
      network: asked.network,
      ...(asked.address === undefined ? {} : { ip: asked.address }),
      ...(asked.address6 === undefined ? {} : { ip6: asked.address6 }),
    })
    if (attachments.some(({ network }) => network === name))
      throw new EngineError('NETWORK_CONNECTED', `endpoint with name ${record.name} already exists in network ${name}`)
    const attachment = { ...asked, network: name }
    const before = filesOf(context, record)
    const owner = runOwner(id, record.progress.run)
    if (isRunning(record)) {
      const netns = netnsOf(context, record)
      const { heldPorts: held = [] } = record.progress
      const endpoint = await networks.connect({ ...connectRequest(record, attachment, { owner, netns }), held })
      endpoint.releasePorts()
    }
    const choice: NetworkChoice = { kind: 'networks', networks: [...attachments, attachment] }
    changed(context, record, { choice, before, event: { action: 'connect', name, networkId } })
  })
}

/** Disconnects a container from a network: at once when it runs. Its published ports move to another of its networks, if one can have
 * them. @throws EngineError CONTAINER_UNKNOWN, SPEC_INVALID, CONTAINER_REMOVING, NETWORK_NOT_CONNECTED; LedgerError UNDO_FAILED */
export async function disconnectNetwork(context: Context, reference: string, network: string): Promise<void> {
  const { networks } = context
  const { id } = context.containers.find(reference)
  await context.live.of(id).lock.run(async () => {
    const record = changeable(context, id)
    const attachments = ownNetworks(record)
    const found = networks.inspect(network)
    const name = found?.name ?? network
    if (!attachments.some((each) => each.network === name))
      throw new EngineError('NETWORK_NOT_CONNECTED', `container ${record.name} is not connected to network ${name}`)
    const before = filesOf(context, record)
    const choice: NetworkChoice = { kind: 'networks', networks: attachments.filter((each) => each.network !== name) }
    // Written first: a daemon that dies on the way takes the rest back when it comes again.
    context.containers.update(id, { spec: { ...record.spec, network: choice } })
    if (isRunning(record)) await networks.disconnect({ owner: runOwner(id, record.progress.run), network: name })
    changed(context, record, { choice, before, event: { action: 'disconnect', name, networkId: found?.id ?? '' } })
  })
}

/** After a daemon died while it connected or disconnected a container that runs: what nobody was told of is taken back. */
export async function settleNetworks(context: Context, record: ContainerRecord): Promise<void> {
  const { networks } = context
  const { network } = record.spec
  if (network.kind !== 'networks') return
  const owner = runOwner(record.id, record.progress.run)
  const wanted = network.networks.map((each) => each.network)
  for (const endpoint of networks.endpoints({ owner }))
    if (!wanted.includes(endpoint.network)) await networks.disconnect({ owner, network: endpoint.network })
  const present = networks.endpoints({ owner })
  const { endpoints } = record.progress
  if (
    present.length === endpoints.length &&
    present.every(({ id }) => endpoints.some((each) => each.endpointId === id))
  )
    return
  const before = filesOf(context, record)
  await networks.settle(owner)
  changed(context, record, { choice: network, before, event: undefined })
}

function changeable(context: Context, id: string): ContainerRecord {
  const record = context.containers.find(id)
  if (record.status === 'removing' || record.status === 'dead')
    throw new EngineError('CONTAINER_REMOVING', `Container ${record.name} is marked for removal`)
  return record
}

function ownNetworks({ spec }: ContainerRecord): readonly NetworkAttachment[] {
  const { network } = spec
  if (network.kind === 'networks') return network.networks
  const why =
    network.kind === 'none'
      ? 'container cannot be connected to multiple networks with one of the networks in private (none) mode'
      : 'container sharing network namespace with another container or host cannot be connected to any other network'
  throw new EngineError('SPEC_INVALID', why)
}

function isRunning({ progress }: ContainerRecord): boolean {
  return progress.pid !== 0 && !progress.ending
}

/** The namespace of a container that runs, which may be on no network at the moment. */
function netnsOf({ ledger }: Context, { id, progress }: ContainerRecord): string {
  const made = ledger
    .history(runOwner(id, progress.run))
    .find(({ kind, state }) => kind === 'netns' && state === 'done')
  const name = made?.args['name']
  if (typeof name === 'string') return name
  throw new EngineError('SPEC_INVALID', 'Cannot connect the container while it runs: its network is not ours', {
    hint: 'stop it, connect it, and start it again',
  })
}

function filesOf(context: Context, record: ContainerRecord): NetworkFiles | undefined {
  if (!isRunning(record)) return undefined
  return networkFiles(record, resolvConfOf(context, record, runOwner(record.id, record.progress.run)))
}

function changed(
  context: Context,
  record: ContainerRecord,
  options: {
    readonly choice: NetworkChoice
    readonly before: NetworkFiles | undefined
    readonly event: { readonly action: string; readonly name: string; readonly networkId: string } | undefined
  },
): void {
  const { choice, before, event } = options
  const owner = runOwner(record.id, record.progress.run)
  const updated = context.state.transaction(() => {
    const { spec } = context.containers.find(record.id)
    const endpoints = isRunning(record)
      ? context.networks.endpoints({ owner }).map((endpoint) => endpointRecord(endpoint, choice))
      : record.progress.endpoints
    const present = endpoints.flatMap(({ ports }) => ports)
    const known = [...(record.progress.heldPorts ?? []), ...record.progress.endpoints.flatMap(({ ports }) => ports)]
    const heldPorts = isRunning(record) ? known.filter((port) => !present.some((each) => isSame(each, port))) : []
    if (event !== undefined)
      context.events.emit({
        type: 'network',
        action: event.action,
        subject: event.networkId,
        attributes: { container: record.id, name: event.name, type: 'bridge' },
      })
    return context.containers.update(record.id, {
      spec: { ...spec, network: choice },
      progress: { endpoints, heldPorts },
    })
  })
  const after = filesOf(context, updated)
  if (before !== undefined && after !== undefined) refreshFiles(context, record.id, { before, after })
}

function isSame(a: PortRecord, b: PortRecord): boolean {
  return a.hostIp === b.hostIp && a.hostPort === b.hostPort && a.protocol === b.protocol
}
