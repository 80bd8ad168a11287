import { readFileSync } from 'node:fs'
import type { Subnet } from './ipv4.ts'

/** A route of the host with the link that it leads to. */
export interface HostRoute extends Subnet {
  readonly link: string
}

/** The host's IPv4 routes but for default ones, from /proc/net/route: numbers there are hexadecimal in the machine's byte order. */
export function hostRoutes(path = '/proc/net/route'): readonly HostRoute[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [link, destination, , , , , , mask] = line.split(/\s+/)
      if (link === undefined || destination === undefined || mask === undefined) return []
      const prefix = bits(fromNative(mask))
      return prefix === 0 ? [] : [{ link, base: fromNative(destination), prefix }]
    })
}

function fromNative(hex: string): number {
  const value = Number.parseInt(hex, 16)
  const bytes = Buffer.alloc(4)
  const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
  if (littleEndian) bytes.writeUInt32LE(value)
  else bytes.writeUInt32BE(value)
  return bytes.readUInt32BE()
}

function bits(mask: number): number {
  let count = 0
  for (let bit = 31; bit >= 0 && (mask & (1 << bit)) !== 0; bit--) count += 1
  return count
}
