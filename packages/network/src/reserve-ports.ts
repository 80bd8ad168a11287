import { errorCode, reservePort, SystemCallError, type ReservedPort } from '@gantry/linux'
import { hasIpv6 } from './forwarding6.ts'
import { parseAddress } from './ipv4.ts'
import { formatAddress6, parseAddress6 } from './ipv6.ts'
import { NetworkError } from './network-error.ts'
import type { PortMapping, PublishedPort, PublishMode } from './networks.ts'
import { portHolder } from './port-holder.ts'

/** A published port with the socket that holds it, if the kernel has sockets of its protocol. */
export interface Reservation {
  readonly port: PublishedPort
  readonly socket: ReservedPort | undefined
}

/** Who publishes a port already, by our own records. */
export type PublisherOf = (port: Omit<PublishedPort, 'containerPort'>) => string | undefined

/** How ports of a container are published. */
export interface PublishOptions {
  readonly publisherOf: PublisherOf
  readonly mode: PublishMode
  /** Whether the container has an IPv6 address. */
  readonly six: boolean
}

type Address = Omit<PublishedPort, 'containerPort'>

/**
 * Takes the host's side of published ports by binding sockets, so that nothing else gets them while the container lives. All or none.
 * @throws NetworkError PORT_TAKEN, PORT_DENIED, PORT_INVALID
 */
export function reservePorts(mappings: readonly PortMapping[], options: PublishOptions): readonly Reservation[] {
  const taken: Reservation[] = []
  try {
    for (const mapping of mappings) taken.push(...reserve(mapping, options))
    return taken
  } catch (error) {
    for (const { socket } of taken) socket?.[Symbol.dispose]()
    throw error
  }
}

/** The first port of those asked for that is free on all addresses it is to be published on. */
function reserve(mapping: PortMapping, options: PublishOptions): readonly Reservation[] {
  const { protocol, containerPort } = mapping
  const wanted = mapping.hostPort ?? 0
  if (!isPort(containerPort) || (wanted !== 0 && !isPort(wanted))) {
    throw new NetworkError(
      'PORT_INVALID',
      `Cannot publish port ${String(containerPort)} as ${String(wanted)}: ports are 1 to 65535`,
    )
  }
  const places = placesOf(mapping, options)
  const last = mapping.lastHostPort ?? wanted
  for (let hostPort = wanted, tries = 0; ; tries++) {
    const taken: Reservation[] = []
    try {
      for (const place of places) {
        const address = { ...place, protocol, hostPort: taken[0]?.port.hostPort ?? hostPort }
        const held = hold(address, options.publisherOf)
        taken.push({ port: { ...address, hostPort: held.port, containerPort }, socket: held.socket })
      }
      return taken
    } catch (error) {
      for (const { socket } of taken) socket?.[Symbol.dispose]()
      const isTaken = errorCode(error) === 'EADDRINUSE'
      // A free port of one address may be taken on the next: then another one.
      const again = wanted === 0 ? taken.length > 0 && tries < mostTries : hostPort < last
      if (wanted !== 0) hostPort++
      if (isTaken && again) continue
      const at = places[taken.length] ?? places[0]
      throw portError(
        error,
        { hostIp: '', ...at, hostPort: wanted === 0 ? 0 : hostPort - 1, protocol },
        options.publisherOf,
      )
    }
  }
}

const mostTries = 50
const firstDynamic = 49_152

function hold(address: Address, publisherOf: PublisherOf): { port: number; socket: ReservedPort | undefined } {
  const { hostIp, hostPort, protocol, proxy } = address
  try {
    const socket = reservePort(hostIp, hostPort, protocol)
    return { port: socket.port, socket }
  } catch (error) {
    // Packets of a protocol that the kernel has no sockets for (often SCTP) can be led on all the same, and nobody else can take the port.
    if (errorCode(error) !== 'EPROTONOSUPPORT' || proxy === true) throw error
    const candidates =
      hostPort === 0 ? Array.from({ length: 65_536 - firstDynamic }, (_, at) => firstDynamic + at) : [hostPort]
    const port = candidates.find((each) => publisherOf({ hostIp, hostPort: each, protocol }) === undefined)
    if (port === undefined) throw new SystemCallError(EADDRINUSE, 'bind', `${protocol} ${String(hostPort)}`)
    return { port, socket: undefined }
  }
}

const EADDRINUSE = 98

/** The addresses that a port is published on, and whether a process must listen there. */
function placesOf(
  { hostIp: text, protocol }: PortMapping,
  { mode, six }: PublishOptions,
): readonly (Pick<Address, 'hostIp'> & { proxy?: true })[] {
  const proxied = mode === 'proxy'
  if (proxied && protocol === 'sctp')
    throw new NetworkError('PORT_INVALID', 'Cannot publish an SCTP port by proxy: only TCP and UDP are passed on', {
      hint: 'leave --publish-mode=proxy out',
    })
  const all = text === undefined || text === ''
  const hosts = all ? ['0.0.0.0', ...(hasIpv6() && (six || proxied) ? ['::'] : [])] : [hostAddress(text)]
  return hosts.map((hostIp) => {
    // The kernel leads packets neither away from ::1 nor to an address of the other family.
    const mustProxy = hostIp === '::1' || (hostIp.includes(':') && !six)
    return proxied || mustProxy ? { hostIp, proxy: true } : { hostIp }
  })
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536
}

function hostAddress(text: string): string {
  if (text === 'localhost') return '127.0.0.1'
  if (parseAddress(text) !== undefined) return text
  const six = parseAddress6(text)
  if (six !== undefined) return formatAddress6(six)
  throw new NetworkError('PORT_INVALID', `Cannot publish on "${text}": it is not an IP address`, {
    subject: text,
    hint: 'give an address of this host, or none for all of them',
  })
}

/** The error for a port that another program has, or that this host cannot give. */
export function portTaken(
  port: Address,
  {
    code,
    publisherOf,
    cause,
  }: { readonly code: string | undefined; readonly publisherOf: PublisherOf; readonly cause?: unknown },
): NetworkError {
  const name = `${port.hostIp.includes(':') ? `[${port.hostIp}]` : port.hostIp}:${String(port.hostPort)}/${port.protocol}`
  if (code === 'EADDRINUSE') {
    const container = publisherOf(port)
    const holder = container === undefined ? portHolder(port) : `container "${container}"`
    return new NetworkError('PORT_TAKEN', `Cannot publish port ${name}: ${holder ?? 'another program'} has it`, {
      cause,
      subject: name,
      hint:
        container === undefined
          ? 'stop that program, or publish another port'
          : `stop it with "gantry stop ${container}", or publish another port`,
    })
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new NetworkError('PORT_DENIED', `Cannot publish port ${name}: this user may not take it`, {
      cause,
      subject: name,
      hint: 'publish a port above 1023, or run as root',
    })
  }
  const reason = cause instanceof Error ? cause.message : (code ?? 'nobody knows why')
  const why = code === 'EADDRNOTAVAIL' ? 'this host has no such address' : reason
  return new NetworkError('PORT_INVALID', `Cannot publish port ${name}: ${why}`, { cause, subject: name })
}

function portError(error: unknown, port: Address, publisherOf: PublisherOf): NetworkError {
  return portTaken(port, { code: errorCode(error), publisherOf, cause: error })
}
