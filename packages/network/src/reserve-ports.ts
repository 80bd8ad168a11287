import { reservePort, type ReservedPort } from '@gantry/linux'
import { parseAddress } from './ipv4.ts'
import { NetworkError } from './network-error.ts'
import type { PortMapping, PublishedPort } from './networks.ts'
import { portHolder } from './port-holder.ts'

/** A published port with the socket that holds it. */
export interface Reservation {
  readonly port: PublishedPort
  readonly socket: ReservedPort
}

/** Who publishes a port already, by our own records. */
export type PublisherOf = (port: Omit<PublishedPort, 'containerPort'>) => string | undefined

/**
 * Takes the host's side of published ports by binding sockets, so that nothing else gets them while the container lives. All or none.
 * @throws NetworkError PORT_TAKEN, PORT_DENIED, PORT_INVALID
 */
export function reservePorts(mappings: readonly PortMapping[], publisherOf: PublisherOf): readonly Reservation[] {
  const taken: Reservation[] = []
  try {
    for (const mapping of mappings) taken.push(reserve(mapping, publisherOf))
    return taken
  } catch (error) {
    for (const { socket } of taken) socket[Symbol.dispose]()
    throw error
  }
}

function reserve(mapping: PortMapping, publisherOf: PublisherOf): Reservation {
  const { protocol, containerPort } = mapping
  const hostIp = hostAddress(mapping.hostIp)
  const wanted = mapping.hostPort ?? 0
  if (!isPort(containerPort) || (wanted !== 0 && !isPort(wanted))) {
    throw new NetworkError(
      'PORT_INVALID',
      `Cannot publish port ${String(containerPort)} as ${String(wanted)}: ports are 1 to 65535`,
    )
  }
  const last = mapping.lastHostPort ?? wanted
  for (let hostPort = wanted; ; hostPort++) {
    try {
      const socket = reservePort(hostIp, hostPort, protocol)
      return { port: { hostIp, hostPort: socket.port, containerPort, protocol }, socket }
    } catch (error) {
      if (hostPort < last && (error as { code?: unknown }).code === 'EADDRINUSE') continue
      throw portError(error, { hostIp, hostPort, protocol }, publisherOf)
    }
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536
}

function hostAddress(text: string | undefined): string {
  if (text === undefined || text === '' || text === '0.0.0.0') return '0.0.0.0'
  if (text === 'localhost') return '127.0.0.1'
  if (parseAddress(text) !== undefined) return text
  throw new NetworkError('PORT_INVALID', `Cannot publish on "${text}": it is not an IPv4 address`, {
    subject: text,
    hint: 'give an IPv4 address of this host, or none for all of them',
  })
}

function portError(error: unknown, port: Omit<PublishedPort, 'containerPort'>, publisherOf: PublisherOf): NetworkError {
  const name = `${port.hostIp}:${String(port.hostPort)}/${port.protocol}`
  const code = (error as { code?: unknown }).code
  if (code === 'EADDRINUSE') {
    const container = publisherOf(port)
    const holder = container === undefined ? portHolder(port) : `container "${container}"`
    return new NetworkError('PORT_TAKEN', `Cannot publish port ${name}: ${holder ?? 'another program'} has it`, {
      cause: error,
      subject: name,
      hint:
        container === undefined
          ? 'stop that program, or publish another port'
          : `stop it with "gantry stop ${container}", or publish another port`,
    })
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new NetworkError('PORT_DENIED', `Cannot publish port ${name}: this user may not take it`, {
      cause: error,
      subject: name,
      hint: 'publish a port above 1023, or run as root',
    })
  }
  const why = code === 'EADDRNOTAVAIL' ? 'this host has no such address' : (error as Error).message
  return new NetworkError('PORT_INVALID', `Cannot publish port ${name}: ${why}`, { cause: error, subject: name })
}
