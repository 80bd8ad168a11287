import type { JsonObject } from '../ledger/json.ts'
import { textOf } from '../ledger/text-of.ts'

/** What one change is in `ip -batch` lines: on the host first, then inside a network namespace. */
export interface IpLines {
  readonly host: readonly string[]
  readonly netns: string | undefined
  readonly inside: readonly string[]
}

/** The lines that make a change. @throws RangeError for a word that a batch file cannot carry */
export function additionOf(kind: string, args: JsonObject): IpLines {
  const get = (name: string): string | undefined => textOf(args, name)
  const name = get('name') ?? ''
  const netns = netnsOf(kind, args)
  switch (kind) {
    case 'netns':
      return { host: [line('netns add', name)], netns: name, inside: ['link set lo up'] }
    case 'bridge':
      return {
        host: [
          line('link add', name, ...pair('address', get('mac')), ...pair('mtu', get('mtu')), 'type bridge'),
          line('link set', name, 'up'),
        ],
        netns: undefined,
        inside: [],
      }
    case 'veth':
      return { host: vethLines(get), netns: undefined, inside: [] }
    case 'sublink':
      return { host: [sublinkLine(get)], netns: undefined, inside: [] }
    default: {
      const own = insideAddition(kind, get)
      return netns === undefined ? { host: [own], netns, inside: [] } : { host: [], netns, inside: [own] }
    }
  }
}

/** The lines that take a change of the host itself back. */
export function hostRemovalOf(kind: string, args: JsonObject): readonly string[] {
  if (kind === 'veth' || kind === 'bridge') return [line('link del', textOf(args, 'name') ?? '')]
  if (kind === 'netns' || netnsOf(kind, args) !== undefined) return []
  return insideRemovalOf(kind, args)
}

/** The lines that take an address, route or link state back, where it is. */
export function insideRemovalOf(kind: string, args: JsonObject): readonly string[] {
  const get = (name: string): string | undefined => textOf(args, name)
  switch (kind) {
    case 'address':
      return [line('address del', get('cidr') ?? '', 'dev', get('link') ?? '')]
    case 'route':
      return [line('route del', get('to') ?? 'default', ...pair('via', get('via')), ...pair('dev', get('link')))]
    case 'link-up':
      return [line('link set', get('link') ?? '', 'down')]
    case 'sublink':
      return [line('link del', get('name') ?? '')]
    default:
      return []
  }
}

/** The network namespace that a change of an address, route or link state is in, or that a link stands in that has no end on the host. */
export function netnsOf(kind: string, args: JsonObject): string | undefined {
  if (kind === 'netns' || kind === 'veth' || kind === 'bridge') return undefined
  return textOf(args, 'netns')
}

function insideAddition(kind: string, get: (name: string) => string | undefined): string {
  switch (kind) {
    case 'address': {
      const cidr = get('cidr') ?? ''
      // Addresses are given out by us: waiting for duplicates would only delay the first packet.
      return line('address add', cidr, 'dev', get('link') ?? '', ...(cidr.includes(':') ? ['nodad'] : []))
    }
    case 'route':
      return line('route add', get('to') ?? 'default', ...pair('via', get('via')), ...pair('dev', get('link')))
    case 'link-up':
      return line('link set', get('link') ?? '', 'up')
    default:
      throw new RangeError(`"${kind}" is no change of a link`)
  }
}

function vethLines(get: (name: string) => string | undefined): readonly string[] {
  const name = get('name') ?? ''
  const mtu = pair('mtu', get('mtu'))
  const peer = ['name', get('peer') ?? '', ...pair('address', get('mac')), ...mtu, ...pair('netns', get('netns'))]
  return [
    line('link add', name, ...mtu, 'type veth peer', ...peer),
    line('link set', name, ...pair('master', get('bridge')), 'up'),
    ...(get('peerBridge') === undefined
      ? []
      : [line('link set', get('peer') ?? '', ...pair('master', get('peerBridge')), 'up')]),
    ...(get('hairpin') === 'true' ? [line('link set', name, 'type bridge_slave hairpin on')] : []),
  ]
}

function sublinkLine(get: (name: string) => string | undefined): string {
  const words = [
    get('parent') ?? '',
    'name',
    get('name') ?? '',
    ...pair('address', get('mac')),
    ...pair('mtu', get('mtu')),
  ]
  return line(
    'link add link',
    ...words,
    'netns',
    get('netns') ?? '',
    'type',
    get('type') ?? '',
    'mode',
    get('mode') ?? '',
  )
}

function pair(word: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [word, value]
}

function line(...words: readonly string[]): string {
  for (const word of words) {
    if (!/^[\w.:/@ -]+$/.test(word)) throw new RangeError(`"${word}" cannot stand in a command of ip`)
  }
  return words.join(' ')
}
