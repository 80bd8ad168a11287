import { readFileSync } from 'node:fs'
import { hostsFile } from '@gantry/network'
import type { ContainerRecord } from '../container/record.ts'
import type { Connected } from './connect-networks.ts'

/** The content of a container's /etc/hosts. One that shares the host's network sees the host's own, and what `--add-host` says. */
export function hostsOf(
  { name, spec }: ContainerRecord,
  { namespace, endpoints }: Pick<Connected, 'namespace' | 'endpoints'>,
): string {
  const { hostname, domainname } = spec
  const gateway = endpoints[0]?.gateway ?? '127.0.0.1'
  const extra = spec.extraHosts.map((text) => extraHost(text, gateway))
  if (namespace === 'host') return `${ownHosts()}${extra.map(({ name: host, ip }) => `${ip}\t${host}\n`).join('')}`
  const names = name === hostname ? [] : [name]
  const addresses = endpoints.flatMap(({ address, address6 }) => [
    { ip: address, names },
    ...(address6 === undefined ? [] : [{ ip: address6, names }]),
  ])
  return hostsFile({ hostname, domainname, extra, addresses })
}

/** Reads `name:address` or `name=address`; the address may be `host-gateway`, or IPv6 in brackets. */
function extraHost(text: string, gateway: string): { name: string; ip: string } {
  const at = text.indexOf(text.includes('=') ? '=' : ':')
  const ip = text.slice(at + 1).replace(/^\[(.*)\]$/, '$1')
  return { name: text.slice(0, at), ip: ip === 'host-gateway' ? gateway : ip }
}

function ownHosts(): string {
  try {
    return readFileSync('/etc/hosts', 'utf8')
  } catch {
    return ''
  }
}
