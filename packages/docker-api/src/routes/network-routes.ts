import type { NetworkInspect } from '@gantry/client'
import type { Network, Networks } from '@gantry/network'
import { ApiFailure, badRequest, notSupported } from '../http/api-failure.ts'
import { empty, json, type ApiRequest, type Reply } from '../http/message.ts'
import { filters } from '../http/parameters.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { defined, Fields } from '../translate/fields.ts'
import { hasLabels } from '../translate/labels.ts'
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
        const { Name, Id } = inspect(networks, name)
        if (predefined.has(Name))
          throw new ApiFailure(403, `${Name} is a pre-defined network and cannot be removed`, 'NETWORK_PREDEFINED')
        await networks.remove(Name)
        engine.emit({ type: 'network', action: 'destroy', subject: Id, attributes: { name: Name, type: 'bridge' } })
        return empty()
      },
    ],
    [
      'POST',
      /^\/networks\/([^/]+)\/(connect|disconnect)$/,
      () => {
        throw notSupported('connecting a container to a network after its creation')
      },
    ],
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
    IPAM: { Driver: 'default', Options: null, Config: [{ Subnet: network.subnet, Gateway: network.gateway }] },
    Internal: network.internal,
    Containers: Object.fromEntries(
      endpoints.map((endpoint) => [
        endpoint.containerId,
        {
          Name: endpoint.containerName,
          EndpointID: endpoint.id,
          MacAddress: endpoint.mac,
          IPv4Address: `${endpoint.ip}/${endpoint.prefixLength}`,
          IPv6Address: '',
        },
      ]),
    ),
    Options: { ...network.options },
    Labels: { ...network.labels },
  }
}

async function create({ networks, engine }: DockerApiParts, request: ApiRequest): Promise<Reply> {
  const body = new Fields(await request.json())
  const name = body.text('Name') ?? ''
  if (name === '') throw badRequest('name is required to create a network')
  if (predefined.has(name)) throw new ApiFailure(403, `operation is not permitted on predefined ${name} network`)
  const driver = body.text('Driver') ?? ''
  if (driver !== '' && driver !== 'bridge' && driver !== 'default') throw notSupported(`network driver "${driver}"`)
  if (body.flag('EnableIPv6') === true) throw notSupported('EnableIPv6')
  const configs = body.object('IPAM').objects('Config')
  if (configs.length > 1) throw notSupported('a network with several subnets')
  const network = await networks.create(
    name,
    defined({
      subnet: configs[0]?.text('Subnet') || undefined,
      gateway: configs[0]?.text('Gateway') || undefined,
      internal: body.flag('Internal'),
      labels: body.map('Labels'),
      options: body.map('Options'),
    }),
  )
  engine.emit({ type: 'network', action: 'create', subject: network.id, attributes: { name, type: 'bridge' } })
  return json({ Id: network.id, Warning: '' }, 201)
}
