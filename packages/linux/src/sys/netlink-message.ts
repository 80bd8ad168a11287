/** Numbers of rtnetlink, from linux/rtnetlink.h and its neighbours; the same on every architecture. */
export const rtm = { newLink: 16, getLink: 18, newAddress: 20, newRoute: 24 } as const

/** Message flags: the answer wanted, and what to do when the thing is there. */
export const nlm = { request: 0x1, acknowledge: 0x4, exclusive: 0x200, create: 0x400 } as const

/** Attributes of links, addresses and routes, each in its own number space. */
export const attributes = {
  link: { address: 1, name: 3, mtu: 4, parent: 5, master: 10, info: 18, netnsFd: 28 },
  linkInfo: { kind: 1, data: 2, slaveKind: 4, slaveData: 5 },
  veth: { peer: 1 },
  bridgePort: { hairpin: 4 },
  /** Of macvlan and of ipvlan alike. */
  sublinkMode: 1,
  address: { address: 1, local: 2, flags: 8 },
  route: { to: 1, outLink: 4, gateway: 5 },
} as const

/** 16 bits in the machine's own byte order, as all of netlink is. */
export function u16(value: number): Uint8Array {
  return new Uint8Array(new Uint16Array([value]).buffer)
}

/** 32 bits in the machine's own byte order. */
export function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer)
}

/** Text with the NUL that the kernel expects. */
export function text(value: string): Uint8Array {
  return Buffer.from(`${value}\0`)
}

/**
 * An attribute, filled up to a multiple of four; a nested one holds attributes as its parts.
 *
 *     0        2        4
 *     | length | type   | value … padding |
 */
export function attribute(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = Buffer.concat(parts)
  const length = 4 + value.length
  return Buffer.concat([u16(length), u16(type), value, new Uint8Array(-length & 3)])
}

/** `struct ifinfomsg`: family, padding, type, index, flags and the flags to change. */
export function linkHeader(options: { readonly index?: number; readonly flags?: number } = {}): Uint8Array {
  const { index = 0, flags = 0 } = options
  return Buffer.concat([new Uint8Array(4), u32(index), u32(flags), u32(flags)])
}

/** `struct ifaddrmsg`: family, prefix length, flags, scope and link. */
export function addressHeader(options: {
  readonly family: number
  readonly prefix: number
  readonly scope: number
  readonly link: number
}): Uint8Array {
  const { family, prefix, scope, link } = options
  return Buffer.concat([Uint8Array.of(family, prefix, 0, scope), u32(link)])
}

/** `struct rtmsg`: family, two prefix lengths, type of service, table, protocol, scope, type and flags. */
export function routeHeader(options: {
  readonly family: number
  readonly prefix: number
  readonly scope: number
}): Uint8Array {
  const mainTable = 254
  const boot = 3
  const unicast = 1
  const { family, prefix, scope } = options
  return Buffer.concat([Uint8Array.of(family, prefix, 0, 0, mainTable, boot, scope, unicast), u32(0)])
}

/**
 * `struct nlmsghdr` and what follows it.
 *
 *     0        4      6       8          12        16
 *     | length | type | flags | sequence | port: 0 | header | attributes … |
 */
export function message(type: number, flags: number, sequence: number, body: readonly Uint8Array[]): Uint8Array {
  const length = body.reduce((sum, part) => sum + part.length, 16)
  return Buffer.concat([u32(length), u16(type), u16(flags), u32(sequence), u32(0), ...body])
}
