import type { NetworkAttachment, NetworkChoice, PublishedPort } from '@gantry/engine'
import type { PublishMode } from '@gantry/network'
import { badRequest } from '../http/api-failure.ts'
import { defined, type Fields } from './fields.ts'

/** Reads what network a container is to have. @throws ApiFailure 400 */
export function networkChoice(config: Fields, host: Fields): NetworkChoice {
  const mode = host.text('NetworkMode') ?? ''
  if (config.flag('NetworkDisabled') === true || mode === 'none') return { kind: 'none' }
  if (mode === 'host') return { kind: 'host' }
  if (mode.startsWith('container:')) return { kind: 'container', container: mode.slice('container:'.length) }
  const main = mode === '' || mode === 'default' ? 'bridge' : mode
  const endpoints = config.object('NetworkingConfig').object('EndpointsConfig')
  const attachment = (network: string, settings: Fields): NetworkAttachment => {
    const given = networkAttachment(network, settings)
    const mac = (network === main ? config.text('MacAddress') : undefined) ?? ''
    return given.mac === undefined && mac !== '' ? { ...given, mac } : given
  }
  const asked = endpoints.names.filter((name) => name !== main && name !== 'default')
  const first = endpoints.raw(main) === undefined ? endpoints.object('default') : endpoints.object(main)
  return {
    kind: 'networks',
    networks: [attachment(main, first), ...asked.map((name) => attachment(name, endpoints.object(name)))],
  }
}

/** Reads how a container is to be connected to a network. */
export function networkAttachment(network: string, settings: Fields): NetworkAttachment {
  const addresses = settings.object('IPAMConfig')
  return {
    network,
    aliases: settings.texts('Aliases') ?? [],
    ...defined({
      address: addresses.text('IPv4Address') || undefined,
      address6: addresses.text('IPv6Address') || undefined,
      mac: settings.text('MacAddress') || undefined,
      gatewayPriority: settings.number('GwPriority') || undefined,
    }),
  }
}

/** Reads `PublishMode`, which is Gantry's own. @throws ApiFailure 400 */
export function publishMode(host: Fields): PublishMode | undefined {
  const mode = host.text('PublishMode') ?? ''
  if (mode === '') return undefined
  if (mode === 'nat' || mode === 'proxy') return mode
  throw badRequest(`invalid publish mode "${mode}": it is nat or proxy`)
}

/** Reads the published ports. An empty host port, or 0, asks for a free one. @throws ApiFailure 400 */
export function publishedPorts(host: Fields): readonly PublishedPort[] {
  const bindings = host.object('PortBindings')
  return bindings.names.flatMap((key) => {
    const [number = '', protocol = 'tcp'] = key.split('/')
    const containerPort = portNumber(number, key)
    if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp')
      throw badRequest(`invalid port specification: "${key}": unknown protocol "${protocol}"`)
    const list = bindings.objects(key)
    const wanted = list.length === 0 ? [undefined] : list
    return wanted.map((binding): PublishedPort => {
      const hostIp = binding?.text('HostIp') ?? ''
      const hostPort = binding?.text('HostPort') ?? ''
      return {
        containerPort,
        protocol,
        ...(hostIp === '' ? {} : { hostIp }),
        ...hostPorts(hostPort, key),
      }
    })
  })
}

/** `8000`, or `8000-8010` for the first free one of them. */
function hostPorts(text: string, key: string): Pick<PublishedPort, 'hostPort' | 'lastHostPort'> {
  if (text === '' || text === '0') return {}
  const [first = '', last] = text.split('-', 2)
  const hostPort = portNumber(first, key)
  if (last === undefined) return { hostPort }
  const lastHostPort = portNumber(last, key)
  if (hostPort === 0 || lastHostPort < hostPort) throw badRequest(`invalid port specification: "${key}": "${text}"`)
  return { hostPort, lastHostPort }
}

function portNumber(text: string, within: string): number {
  const number = Number(text)
  if (!/^\d{1,5}$/.test(text) || number > 65_535) throw badRequest(`invalid port specification: "${within}": "${text}"`)
  return number
}
