import type { PortBinding } from '@gantry/client'
import { CliError } from '../cli-error.ts'

/** A container port (`80/tcp`) and, when it is published, where. */
export interface PortSpec {
  readonly port: string
  readonly binding: PortBinding
}

/**
 * Reads `-p [IP:][HOST_PORT[-END]:]PORT[-END][/tcp|udp|sctp]` into one entry per port. An absent host port is a free one.
 * IPv6 addresses stand in brackets. Ranges must be of equal length.
 *
 * @throws CliError INVALID
 */
export function parsePort(text: string): PortSpec[] {
  const match = /^(?:(?:(?<ip>\[[^\]]*\]|[^:]*):)?(?<host>[^:]*):)?(?<port>[^:/]+)(?:\/(?<protocol>\w+))?$/.exec(text)
  const protocol = match?.groups?.['protocol']?.toLowerCase() ?? 'tcp'
  const ports = range(match?.groups?.['port'] ?? '')
  if (match === null || ports === undefined || !['tcp', 'udp', 'sctp'].includes(protocol))
    throw invalid(text, 'it is not [IP:][HOST_PORT:]CONTAINER_PORT[/PROTOCOL]')
  const hostText = match.groups?.['host'] ?? ''
  const hosts = hostText === '' ? undefined : range(hostText)
  if (hostText !== '' && hosts === undefined) throw invalid(text, `"${hostText}" is not a port between 1 and 65535`)
  if (hosts !== undefined && hosts.length !== ports.length && ports.length !== 1)
    throw invalid(text, 'the two ranges differ in length')
  const HostIp = (match.groups?.['ip'] ?? '').replace(/^\[|\]$/g, '')
  return ports.map((port, index) => {
    const first = hosts?.[0]
    // One container port for a range of host ports: the engine takes the first free one.
    const HostPort =
      hosts === undefined || first === undefined
        ? ''
        : hosts.length === ports.length
          ? String(hosts[index])
          : `${first}-${hosts.at(-1)}`
    return { port: `${port}/${protocol}`, binding: { HostIp, HostPort } }
  })
}

/** Reads `--expose PORT[-END][/PROTOCOL]`. @throws CliError INVALID */
export function parseExposed(text: string): string[] {
  const [ports = '', protocol = 'tcp'] = text.split('/')
  const numbers = range(ports)
  if (numbers === undefined) throw new CliError('INVALID', `Cannot expose "${text}": it is not PORT[-END][/PROTOCOL]`)
  return numbers.map((port) => `${port}/${protocol.toLowerCase()}`)
}

function range(text: string): number[] | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  if (match === null) return undefined
  const from = Number(match[1])
  const to = Number(match[2] ?? match[1])
  if (from < 1 || to > 65_535 || from > to) return undefined
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

function invalid(text: string, why: string): CliError {
  return new CliError('INVALID', `Cannot publish "${text}": ${why}`)
}
