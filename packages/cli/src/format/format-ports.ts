import type { PortSummary } from '@gantry/client'

/**
 * Ports as docker lists them: `0.0.0.0:8080->80/tcp, 443/tcp`. Neighbouring ports that are published under their own
 * number, or not at all, are joined to ranges.
 */
export function formatPorts(ports: readonly PortSummary[]): string {
  const sorted = ports.toSorted(
    (a, b) => a.PrivatePort - b.PrivatePort || compare(a.IP ?? '', b.IP ?? '') || compare(a.Type, b.Type),
  )
  const groups: { ip: string; type: string; first: number; last: number }[] = []
  const mapped: string[] = []
  for (const { IP: ip = '', PrivatePort: port, PublicPort: published, Type: type } of sorted) {
    if (ip !== '' && published !== port) {
      mapped.push(`${hostPart(ip)}:${published ?? ''}->${port}/${type}`)
      continue
    }
    const group = groups.findLast((candidate) => candidate.ip === ip && candidate.type === type)
    if (group !== undefined && group.last + 1 === port) group.last = port
    else if (group?.last !== port) groups.push({ ip, type, first: port, last: port })
  }
  const joined = groups.map(({ ip, type, first, last }) => {
    const range = first === last ? String(first) : `${first}-${last}`
    return ip === '' ? `${range}/${type}` : `${hostPart(ip)}:${range}->${range}/${type}`
  })
  return [...joined, ...mapped].join(', ')
}

function hostPart(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
