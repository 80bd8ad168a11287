import type { Ipam, NetworkInspect } from '@gantry/client'
import type { Engine } from '@gantry/engine'
import type { Network, NetworkDriver, NetworkOptions, Networks } from '@gantry/network'
import { momentOf } from '../images/image-filters.ts'
import { ApiFailure, badRequest, notSupported } from '../http/api-failure.ts'
import { empty, json, type ApiRequest, type Reply } from '../http/message.ts'
import { filters } from '../http/parameters.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { defined, Fields } from '../translate/fields.ts'
import { hasLabels } from '../translate/labels.ts'
import { networkAttachment } from '../translate/network-request.ts'
import { timeText } from '../translate/times.ts'

/** `/networks`. */
export function networkRoutes(parts: DockerApiParts): readonly Route[] {
  const { networks, engine } = parts
  return [
    ['GET', /^\/networks$/, (request) => list(networks, request)],
    ['POST', /^\/networks\/create$/, (request) => create(parts, request)],
    ['GET', /^\/networks\/([^/]+)$/, (_, name = '') => json(inspect(networks, name))],
    [
      'DELETE',
      /^\/networks\/([^/]+)$/,
      async (_, name = '') => {
        const { Name, Id, Driver } = inspect(networks, name)
        if (predefined.has(Name))
          throw new ApiFailure(403, `${Name} is a pre-defined network and cannot be removed`, 'NETWORK_PREDEFINED')
        await networks.remove(Name)
        engine.emit({ type: 'network', action: 'destroy', subject: Id, attributes: { name: Name, type: Driver } })
        return empty()
      },
    ],
    ['POST', /^\/networks\/prune$/, (request) => prune(parts, request)],
    ['POST', /^\/networks\/([^/]+)\/connect$/, (request, name = '') => connect(parts, request, name)],
    ['POST', /^\/networks\/([^/]+)\/disconnect$/, (request, name = '') => disconnect(parts, request, name)],
  ]
}

const predefined = new Set(['bridge', 'host', 'none'])

/** The two networks that are none: Docker lists them. */
const pseudo: readonly NetworkInspect[] = ['host', 'none'].map((name) => ({
  ...blank(),
  Name: name,
  Id: Buffer.from(`gantry-network-${name}`).toString('hex').padEnd(64, '0').slice(0, 64),
  Driver: name === 'none' ? 'null' : 'host',
}))

function blank(): NetworkInspect {
  return {
    Name: '',
    Id: '',
    Created: timeText(undefined),
    Scope: 'local',
    Driver: 'bridge',
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: [] },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: {},
    Labels: {},
  }
}

function list(networks: Networks, { query }: ApiRequest): Reply {
  const { name, id, driver, label, scope, type, dangling } = filters(query, [
    'name',
    'id',
    'driver',
    'label',
    'scope',
    'type',
    'dangling',
  ])
  const all = [...networks.list().map((each) => view(networks, each, false)), ...pseudo]
  const chosen = all
    .filter((each) => name === undefined || name.some((part) => each.Name.includes(part)))
    .filter((each) => id === undefined || id.some((prefix) => each.Id.startsWith(prefix)))
    .filter((each) => driver === undefined || driver.includes(each.Driver))
    .filter(() => scope === undefined || scope.includes('local'))
    .filter((each) => type === undefined || type.includes(predefined.has(each.Name) ? 'builtin' : 'custom'))
    .filter((each) => hasLabels(each.Labels, label))
    .filter((each) => {
      if (dangling === undefined) return true
      const unused = !predefined.has(each.Name) && networks.endpoints({ network: each.Name }).length === 0
      return dangling.some((text) => (text === 'true' || text === '1') === unused)
    })
  return json(chosen)
}

function inspect(networks: Networks, name: string): NetworkInspect {
  const network = networks.inspect(name)
  if (network !== undefined) return view(networks, network, true)
  const other = pseudo.find((each) => each.Name === name || each.Id === name)
  if (other === undefined) throw new ApiFailure(404, `network ${name} not found`, 'NETWORK_UNKNOWN')
  return other
}

function view(networks: Networks, network: Network, withContainers: boolean): NetworkInspect {
  const endpoints = withContainers ? networks.endpoints({ network: network.name }) : []
  return {
    ...blank(),
    Name: network.name,
    Id: network.id,
    Created: timeText(network.created),
    Driver: network.driver,
    EnableIPv6: network.subnet6 !== undefined,
    IPAM: { Driver: 'default', Options: null, Config: ipamConfig(network) },
    Internal: network.internal,
    Containers: Object.fromEntries(
      endpoints.map((endpoint) => [
        endpoint.containerId,
        {
          Name: endpoint.containerName,
          EndpointID: endpoint.id,
          MacAddress: endpoint.mac,
          IPv4Address: `${endpoint.ip}/${endpoint.prefixLength}`,
          IPv6Address: endpoint.ip6 === undefined ? '' : `${endpoint.ip6}/${endpoint.prefixLength6}`,
        },
      ]),
    ),
    Options: { ...network.options },
    Labels: { ...network.labels },
  }
}

function ipamConfig({ subnet, gateway, range, subnet6, gateway6 }: Network): NonNullable<Ipam['Config']> {
  return [
    { Subnet: subnet, Gateway: gateway, ...(range === undefined ? {} : { IPRange: range }) },
    ...(subnet6 === undefined ? [] : [{ Subnet: subnet6, Gateway: gateway6 ?? '' }]),
  ]
}

async function connect({ engine, networks }: DockerApiParts, request: ApiRequest, name: string): Promise<Reply> {
  const body = new Fields(await request.json())
  const container = body.text('Container') ?? ''
  const { Name } = inspect(networks, name)
  if (pseudo.some((each) => each.Name === Name))
    throw badRequest(`container cannot be connected to the ${Name} network: it is made with it or without`)
  await engine.connectNetwork(container, networkAttachment(Name, body.object('EndpointConfig')))
  return empty(200)
}

async function disconnect({ engine, networks }: DockerApiParts, request: ApiRequest, name: string): Promise<Reply> {
  const body = new Fields(await request.json())
  const { Name } = inspect(networks, name)
  await engine.disconnectNetwork(body.text('Container') ?? '', Name)
  return empty(200)
}

/** Removes networks of users that no container has, running or not. */
async function prune({ engine, networks }: DockerApiParts, { query }: ApiRequest): Promise<Reply> {
  const { label, 'label!': without, until } = filters(query, ['label', 'label!', 'until'])
  const before = Math.min(...(until ?? []).map(momentOf))
  const removed: string[] = []
  for (const { name, id, labels, created } of networks.list()) {
    const kept = predefined.has(name) || usersOf(engine, networks, name).length > 0
    if (kept || created >= before || !hasLabels(labels, label)) continue
    if (without !== undefined && hasLabels(labels, without)) continue
    await networks.remove(name)
    engine.emit({ type: 'network', action: 'destroy', subject: id, attributes: { name, type: 'bridge' } })
    removed.push(name)
  }
  return json({ NetworksDeleted: removed.length === 0 ? null : removed })
}

/** Containers that are on a network, or will be when they start. */
function usersOf(engine: Engine, networks: Networks, name: string): readonly string[] {
  const made = engine
    .list({ all: true })
    .filter(
      ({ spec }) => spec.network.kind === 'networks' && spec.network.networks.some((each) => each.network === name),
    )
    .map((each) => each.name)
  return [...new Set([...networks.endpoints({ network: name }).map((each) => each.containerName), ...made])]
}

async function create({ networks, engine }: DockerApiParts, request: ApiRequest): Promise<Reply> {
  const body = new Fields(await request.json())
  const name = body.text('Name') ?? ''
  if (name === '') throw badRequest('name is required to create a network')
  if (predefined.has(name)) throw new ApiFailure(403, `operation is not permitted on predefined ${name} network`)
  const driver = driverOf(body.text('Driver') ?? '')
  if (body.flag('EnableIPv4') === false) throw notSupported('a network without IPv4')
  const ipam = body.object('IPAM')
  if (!['', 'default'].includes(ipam.text('Driver') ?? ''))
    throw notSupported(`IPAM driver "${ipam.text('Driver') ?? ''}"`)
  const network = await networks.create(
    name,
    defined({
      driver,
      ...subnets(ipam.objects('Config')),
      ipv6: body.flag('EnableIPv6'),
      internal: body.flag('Internal'),
      labels: body.map('Labels'),
      options: body.map('Options'),
    }),
  )
  engine.emit({ type: 'network', action: 'create', subject: network.id, attributes: { name, type: driver } })
  return json({ Id: network.id, Warning: '' }, 201)
}

function driverOf(text: string): NetworkDriver {
  if (text === '' || text === 'default' || text === 'bridge') return 'bridge'
  if (text === 'macvlan' || text === 'ipvlan') return text
  throw notSupported(`network driver "${text}"`)
}

/** One subnet of each family, told apart by their colons. @throws ApiFailure 501 */
function subnets(configs: readonly Fields[]): NetworkOptions {
  const isSix = (config: Fields): boolean => (config.text('Subnet') ?? config.text('Gateway') ?? '').includes(':')
  const [four, ...more] = configs.filter((config) => !isSix(config))
  const [six, ...more6] = configs.filter(isSix)
  if (more.length > 0 || more6.length > 0) throw notSupported('a network with several subnets of one family')
  if ((six?.text('IPRange') ?? '') !== '') throw notSupported('IPRange of an IPv6 subnet')
  for (const config of configs)
    if ((config.keys('AuxiliaryAddresses') ?? []).length > 0) throw notSupported('AuxiliaryAddresses')
  return defined({
    subnet: four?.text('Subnet') || undefined,
    gateway: four?.text('Gateway') || undefined,
    range: four?.text('IPRange') || undefined,
    subnet6: six?.text('Subnet') || undefined,
    gateway6: six?.text('Gateway') || undefined,
  })
}
