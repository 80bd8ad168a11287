import type { JsonObject } from '../ledger/json.ts'
import { textOf } from '../ledger/text-of.ts'
import {
  addressHeader,
  attribute,
  attributes,
  linkHeader,
  nlm,
  routeHeader,
  rtm,
  text,
  u16,
  u32,
} from '../sys/netlink-message.ts'
import type { NetlinkRequest } from '../sys/netlink.ts'
import { addressBytes } from '../sys/socket-address.ts'

const up = 0x1
const anew = nlm.create | nlm.exclusive
const noDuplicateDetection = 0x02
const hostScope = 254
const linkScope = 253
const { link, linkInfo, veth, bridgePort, address, route, sublinkMode } = attributes

/** What requests need to know of the kernel's numbers, asked for when it is needed. */
export interface LinkNumbers {
  /** The index of a link where the request is made. */
  linkIndex(name: string): number
  /** A descriptor of the network namespace of a name, open until the request is made. */
  netns(name: string): number
}

/**
 * The requests that make a change of a link, address or route: what the lines of `additionOf` say to `ip`. Each is built when
 * the one before it has been made. Network namespaces are made otherwise; theirs is the request for the loopback inside.
 */
export function* requestsOf(kind: string, args: JsonObject, numbers: LinkNumbers): Generator<NetlinkRequest> {
  const get = (name: string): string | undefined => textOf(args, name)
  switch (kind) {
    case 'netns':
      return yield switchOn('lo')
    case 'bridge':
      return yield* bridgeRequests(get)
    case 'veth':
      return yield* vethRequests(get, numbers)
    case 'sublink':
      return yield sublinkRequest(get, numbers)
    case 'link-up':
      return yield switchOn(get('link') ?? '')
    case 'address':
      return yield addressRequest(get, numbers)
    case 'route':
      return yield routeRequest(get, numbers)
    default:
      throw new RangeError(`"${kind}" is no change of a link`)
  }
}

type Get = (name: string) => string | undefined

function switchOn(name: string): NetlinkRequest {
  const body = [linkHeader({ flags: up }), attribute(link.name, text(name))]
  return { type: rtm.newLink, body, action: 'switch on', subject: `the link "${name}"` }
}

function* bridgeRequests(get: Get): Generator<NetlinkRequest> {
  const name = get('name') ?? ''
  const info = attribute(link.info, attribute(linkInfo.kind, text('bridge')))
  const body = [linkHeader(), ...named(name, get('mac'), get('mtu')), info]
  yield { type: rtm.newLink, flags: anew, body, action: 'make', subject: `the bridge "${name}"` }
  yield switchOn(name)
}

function* vethRequests(get: Get, numbers: LinkNumbers): Generator<NetlinkRequest> {
  const name = get('name') ?? ''
  const bridge = get('bridge')
  const master = bridge === undefined ? [] : [attribute(link.master, u32(numbers.linkIndex(bridge)))]
  const netns = get('netns')
  const place = netns === undefined ? [] : [attribute(link.netnsFd, u32(numbers.netns(netns)))]
  const peer = [linkHeader(), ...named(get('peer') ?? '', get('mac'), get('mtu')), ...place]
  const info = attribute(
    link.info,
    attribute(linkInfo.kind, text('veth')),
    attribute(linkInfo.data, attribute(veth.peer, ...peer)),
  )
  const body = [linkHeader({ flags: up }), ...named(name, undefined, get('mtu')), ...master, info]
  const subject = `the links "${name}" and "${get('peer') ?? ''}"`
  yield { type: rtm.newLink, flags: anew, body, action: 'make', subject }
  const peerBridge = get('peerBridge')
  if (peerBridge !== undefined) {
    const joined = attribute(link.master, u32(numbers.linkIndex(peerBridge)))
    const join = [linkHeader({ flags: up }), attribute(link.name, text(get('peer') ?? '')), joined]
    yield {
      type: rtm.newLink,
      body: join,
      action: `join to "${peerBridge}"`,
      subject: `the link "${get('peer') ?? ''}"`,
    }
  }
  if (get('hairpin') !== 'true') return
  const port = attribute(
    link.info,
    attribute(linkInfo.slaveKind, text('bridge')),
    attribute(linkInfo.slaveData, attribute(bridgePort.hairpin, Uint8Array.of(1))),
  )
  const change = [linkHeader(), attribute(link.name, text(name)), port]
  yield { type: rtm.newLink, body: change, action: 'let packets return through', subject: `the link "${name}"` }
}

// Numbers of the modes: linux/if_link.h.
const macvlanModes: Readonly<Record<string, number>> = { private: 1, vepa: 2, bridge: 4, passthru: 8 }
const ipvlanModes: Readonly<Record<string, number>> = { l2: 0, l3: 1, l3s: 2 }

function sublinkRequest(get: Get, numbers: LinkNumbers): NetlinkRequest {
  const name = get('name') ?? ''
  const type = get('type') ?? ''
  const mode = (type === 'macvlan' ? macvlanModes : ipvlanModes)[get('mode') ?? '']
  if (mode === undefined) throw new RangeError(`"${get('mode') ?? ''}" is no mode of ${type}`)
  const bytes = type === 'macvlan' ? u32(mode) : u16(mode)
  const info = attribute(
    link.info,
    attribute(linkInfo.kind, text(type)),
    attribute(linkInfo.data, attribute(sublinkMode, bytes)),
  )
  const parent = attribute(link.parent, u32(numbers.linkIndex(get('parent') ?? '')))
  const place = attribute(link.netnsFd, u32(numbers.netns(get('netns') ?? '')))
  const body = [linkHeader(), ...named(name, get('mac'), get('mtu')), parent, place, info]
  const subject = `the ${type} link "${name}" on "${get('parent') ?? ''}"`
  return { type: rtm.newLink, flags: anew, body, action: 'make', subject }
}

function named(name: string, mac: string | undefined, mtu: string | undefined): readonly Uint8Array[] {
  return [
    attribute(link.name, text(name)),
    ...(mac === undefined ? [] : [attribute(link.address, macBytes(mac))]),
    ...(mtu === undefined ? [] : [attribute(link.mtu, u32(Number(mtu)))]),
  ]
}

function addressRequest(get: Get, numbers: LinkNumbers): NetlinkRequest {
  const cidr = get('cidr') ?? ''
  const { family, bytes, prefix } = parseCidr(cidr)
  const scope = family === 2 && bytes[0] === 127 ? hostScope : 0
  const body = [
    addressHeader({ family, prefix, scope, link: numbers.linkIndex(get('link') ?? '') }),
    attribute(address.local, bytes),
    attribute(address.address, bytes),
    // Addresses are given out by us: waiting for duplicates would only delay the first packet.
    ...(family === 2 ? [] : [attribute(address.flags, u32(noDuplicateDetection))]),
  ]
  return { type: rtm.newAddress, flags: anew, body, action: 'add', subject: `the address "${cidr}"` }
}

function routeRequest(get: Get, numbers: LinkNumbers): NetlinkRequest {
  const to = get('to') ?? 'default'
  const via = get('via')
  const name = get('link')
  const gateway = via === undefined ? undefined : addressBytes(via)
  const all = { family: gateway?.family ?? 2, bytes: new Uint8Array(0), prefix: 0 }
  const { family, bytes, prefix } = to === 'default' ? all : parseCidr(to)
  const body = [
    routeHeader({ family, prefix, scope: gateway === undefined && family === 2 ? linkScope : 0 }),
    ...(prefix === 0 ? [] : [attribute(route.to, bytes)]),
    ...(gateway === undefined ? [] : [attribute(route.gateway, gateway.bytes)]),
    ...(name === undefined ? [] : [attribute(route.outLink, u32(numbers.linkIndex(name)))]),
  ]
  return { type: rtm.newRoute, flags: anew, body, action: 'add', subject: `the route to "${to}"` }
}

function parseCidr(cidr: string): { readonly family: number; readonly bytes: Uint8Array; readonly prefix: number } {
  const [host = '', length, ...more] = cidr.split('/')
  const { family, bytes } = addressBytes(host)
  const prefix = length === undefined ? bytes.length * 8 : /^\d{1,3}$/.test(length) ? Number(length) : -1
  if (prefix < 0 || prefix > bytes.length * 8 || more.length > 0)
    throw new RangeError(`"${cidr}" is not an address with its prefix length`)
  return { family, bytes, prefix }
}

function macBytes(mac: string): Uint8Array {
  if (!/^[\da-f]{2}(?::[\da-f]{2}){5}$/i.test(mac)) throw new RangeError(`"${mac}" is not a hardware address`)
  return Uint8Array.from(mac.split(':'), (byte) => parseInt(byte, 16))
}
