import { NetworkError } from './network-error.ts'

/** An IPv4 network: its first address as a number, and its prefix length. */
export interface Subnet {
  readonly base: number
  readonly prefix: number
}

/** An address as an unsigned number; undefined when the text is none. */
export function parseAddress(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (match === null) return undefined
  let value = 0
  for (const part of match.slice(1)) {
    const byte = Number(part)
    if (byte > 255 || (part.length > 1 && part.startsWith('0'))) return undefined
    value = value * 256 + byte
  }
  return value
}

/** An address with dots. */
export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => String((value >>> shift) & 255)).join('.')
}

/** A subnet such as `10.1.0.0/16`; bits beyond the prefix are cleared. @throws NetworkError SUBNET_INVALID */
export function parseSubnet(text: string): Subnet {
  const [address = '', length = ''] = text.split('/')
  const base = parseAddress(address)
  const prefix = Number(length)
  if (base === undefined || !/^\d+$/.test(length) || prefix < 8 || prefix > 30) {
    throw new NetworkError('SUBNET_INVALID', `"${text}" is not an IPv4 subnet that a network can have`, {
      subject: text,
      hint: 'write it like 10.50.0.0/24, with a prefix length from 8 to 30',
    })
  }
  return { base: (base & maskOf(prefix)) >>> 0, prefix }
}

/** `10.1.0.0/16`. */
export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.base)}/${String(subnet.prefix)}`
}

/** How many addresses a subnet has. */
export function sizeOf(subnet: Subnet): number {
  return 2 ** (32 - subnet.prefix)
}

/** Whether an address is in a subnet. */
export function contains(subnet: Subnet, address: number): boolean {
  return address >= subnet.base && address < subnet.base + sizeOf(subnet)
}

/** Whether two subnets share an address. */
export function overlaps(left: Subnet, right: Subnet): boolean {
  return left.base < right.base + sizeOf(right) && right.base < left.base + sizeOf(left)
}

/** The mask of a prefix length as an unsigned number. */
export function maskOf(prefix: number): number {
  return prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0
}

/** The Ethernet address of an IPv4 address, as Docker has it: 02:42 and the four bytes. A reused address keeps neighbours' tables right. */
export function macOf(address: number): string {
  const bytes = [24, 16, 8, 0].map((shift) => ((address >>> shift) & 255).toString(16).padStart(2, '0'))
  return `02:42:${bytes.join(':')}`
}
