import { readFileSync } from 'node:fs'
import type { Subnet6 } from './ipv6.ts'

/** The host's IPv6 routes with their links, but for default, link-local, loopback and multicast ones: from /proc/net/ipv6_route. */
export function hostRoutes6(path = '/proc/net/ipv6_route'): readonly (Subnet6 & { readonly link: string })[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    const [address, length] = fields
    const link = fields.at(-1)
    if (address === undefined || length === undefined || link === undefined || link === 'lo') return []
    const prefix = Number.parseInt(length, 16)
    return prefix === 0 || /^f[ef]/.test(address) ? [] : [{ link, base: BigInt(`0x${address}`), prefix }]
  })
}
