import { NetworkError } from './network-error.ts'

/** An IPv6 network: its first address as a number, and its prefix length. */
export interface Subnet6 {
  readonly base: bigint
  readonly prefix: number
}

const bits = 128

/** An IPv6 address as a number, also with a dotted end (`::ffff:10.0.0.1`); undefined when the text is none. RFC 4291 §2.2 */
export function parseAddress6(text: string): bigint | undefined {
  const dotted = /^(.*:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (dotted !== null) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(2).map(Number)
    if ([a, b, c, d].some((byte) => byte > 255)) return undefined
    return parseAddress6(`${dotted[1] ?? ''}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`)
  }
  const [head = '', tail, ...more] = text.split('::')
  if (more.length > 0 || !text.includes(':')) return undefined
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = 8 - first.length - last.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...first, ...Array<string>(missing).fill('0'), ...last]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

/** An address in its one canonical form: lower case, the longest run of zeroes as `::`. RFC 5952 §4 */
export function formatAddress6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, at) => Number((value >> BigInt(112 - 16 * at)) & 0xffffn))
  let best = { at: 0, length: 1 }
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (groups[at + length] === 0) length++
    if (length > best.length) best = { at, length }
  }
  const text = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':')
  return best.length < 2 ? text(0, 8) : `${text(0, best.at)}::${text(best.at + best.length, 8)}`
}

/** A subnet such as `fd00:1::/64`; bits beyond the prefix are cleared. @throws NetworkError SUBNET_INVALID */
export function parseSubnet6(text: string): Subnet6 {
  const [address = '', length = ''] = text.split('/')
  const base = parseAddress6(address)
  const prefix = Number(length)
  if (base === undefined || !/^\d+$/.test(length) || prefix < 16 || prefix > 126) {
    throw new NetworkError('SUBNET_INVALID', `"${text}" is not an IPv6 subnet that a network can have`, {
      subject: text,
      hint: 'write it like fd00:50::/64, with a prefix length from 16 to 126',
    })
  }
  return { base: base - (base % sizeOf6({ base, prefix })), prefix }
}

/** `fd00:1::/64`. */
export function formatSubnet6(subnet: Subnet6): string {
  return `${formatAddress6(subnet.base)}/${String(subnet.prefix)}`
}

/** How many addresses a subnet has. */
export function sizeOf6(subnet: Subnet6): bigint {
  return 1n << BigInt(bits - subnet.prefix)
}

/** Whether an address is in a subnet. */
export function contains6(subnet: Subnet6, address: bigint): boolean {
  return address >= subnet.base && address < subnet.base + sizeOf6(subnet)
}

/** Whether two subnets share an address. */
export function overlaps6(left: Subnet6, right: Subnet6): boolean {
  return left.base < right.base + sizeOf6(right) && right.base < left.base + sizeOf6(left)
}

/**
 * A unique local prefix of 64 bits from 40 bits of chance and a number of 16: fdXX:XXXX:XXXX:SSSS::/64. RFC 4193 §3.1
 * @param chance at least 5 bytes
 */
export function uniqueLocalSubnet(chance: Uint8Array, subnet: number): Subnet6 {
  const global = chance.slice(0, 5).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return { base: (0xfdn << 120n) | (global << 80n) | (BigInt(subnet & 0xffff) << 64n), prefix: 64 }
}
