import { existsSync } from 'node:fs'
import type { Change } from '../ledger/change.ts'
import type { Door } from '../ledger/door.ts'
import type { JsonObject } from '../ledger/json.ts'
import { SystemCallError } from '../sys/system-call-error.ts'
import { linkBatch } from './link-batch.ts'
import { additionOf } from './ip-lines.ts'
import { shellWords } from './shell-quote.ts'
import { textOf } from '../ledger/text-of.ts'

/** Arguments of {@link netns}. */
export type NetnsArgs = {
  /** Its name under /run/netns. */
  readonly name: string
  /** Path of the user namespace that it belongs to. Default: the host's. */
  readonly users?: string
}

/** A named network namespace, with its loopback up. */
export function netns(args: NetnsArgs, why: string): Change<NetnsArgs> {
  return { kind: 'netns', args, why }
}

/** Arguments of {@link veth}. */
export type VethArgs = {
  /** The end on the host, at most 15 bytes. */
  readonly name: string
  /** The other end, such as `eth0`; it is made inside `netns`. */
  readonly peer: string
  /** Absent: both ends stay on the host, as between two bridges. */
  readonly netns?: string
  /** Of the other end. */
  readonly mac?: string
  /** A bridge that the host's end joins. */
  readonly bridge?: string
  /** A bridge that the other end joins, which is up then; without `netns`. */
  readonly peerBridge?: string
  /** Whether the bridge may send a packet back where it came from, needed to reach one's own published port. Default: false. */
  readonly hairpin?: boolean
  readonly mtu?: number
}

/** A pair of links from the host into a network namespace, or between two bridges of the host. The host's end is up; the other gets its address and {@link linkUp}. */
export function veth(args: VethArgs, why: string): Change<VethArgs> {
  return { kind: 'veth', args, why }
}

/** Arguments of {@link sublink}. */
export type SublinkArgs = {
  /** Its name inside `netns`. */
  readonly name: string
  /** The link of the host that it stands on. */
  readonly parent: string
  readonly netns: string
  readonly type: 'macvlan' | 'ipvlan'
  /** Of macvlan `private`, `vepa`, `bridge`, `passthru`; of ipvlan `l2`, `l3`, `l3s`. */
  readonly mode: string
  /** Of macvlan; ipvlan has its parent's. */
  readonly mac?: string
  readonly mtu?: number
}

/** A link in a network namespace that stands on one of the host, as a further machine on its network. It gets its address and {@link linkUp}. */
export function sublink(args: SublinkArgs, why: string): Change<SublinkArgs> {
  return { kind: 'sublink', args, why }
}

/** Arguments of {@link bridge}. */
export type BridgeArgs = { readonly name: string; readonly mac?: string; readonly mtu?: number }

/** A bridge on the host, up. */
export function bridge(args: BridgeArgs, why: string): Change<BridgeArgs> {
  return { kind: 'bridge', args, why }
}

const EEXIST = 17

/** The door of {@link netns}. */
export const netnsDoor: Door<NetnsArgs> = {
  kind: 'netns',
  batch: linkBatch,
  describe: ({ name, users }) => ({
    sentence: `Make the network namespace ${name}${users === undefined ? '' : `, which belongs to the user namespace ${users}`}`,
    command:
      users === undefined
        ? `ip netns add ${name} && ip -n ${name} link set lo up`
        : `touch /run/netns/${name} && ${shellWords('nsenter', `--user=${users}`, 'unshare', `--net=/run/netns/${name}`, 'ip', 'link', 'set', 'lo', 'up')}`,
    undo: `ip netns del ${name}`,
  }),
  observe: (args) => free('netns', args, `/run/netns/${args.name}`),
  apply: unbatched,
  undo: unbatched,
}

/** The door of {@link veth}. */
export const vethDoor: Door<VethArgs> = {
  kind: 'veth',
  batch: linkBatch,
  describe: (args) => ({
    sentence:
      args.netns === undefined
        ? `Link the bridges ${args.bridge ?? args.name} and ${args.peerBridge ?? args.peer}`
        : `Link the host's ${args.name} with ${args.peer} in ${args.netns}${args.bridge === undefined ? '' : ` and join it to the bridge ${args.bridge}`}`,
    command: commandOf('veth', args),
    undo: `ip link del ${args.name}`,
  }),
  observe: (args) => free('veth', args, `/sys/class/net/${args.name}`),
  apply: unbatched,
  undo: unbatched,
}

/** The door of {@link sublink}. */
export const sublinkDoor: Door<SublinkArgs> = {
  kind: 'sublink',
  batch: linkBatch,
  describe: (args) => ({
    sentence: `Make the ${args.type} link ${args.name} in ${args.netns} on the host's ${args.parent}`,
    command: commandOf('sublink', args),
    undo: `ip -n ${args.netns} link del ${args.name}`,
  }),
  observe: (args) => {
    additionOf('sublink', args)
    return undefined
  },
  apply: unbatched,
  undo: unbatched,
}

/** The door of {@link bridge}. */
export const bridgeDoor: Door<BridgeArgs> = {
  kind: 'bridge',
  batch: linkBatch,
  describe: (args) => ({
    sentence: `Make the bridge ${args.name}`,
    command: commandOf('bridge', args),
    undo: `ip link del ${args.name}`,
  }),
  observe: (args) => free('bridge', args, `/sys/class/net/${args.name}`),
  apply: unbatched,
  undo: unbatched,
}

function free(kind: string, args: JsonObject, path: string): undefined {
  // Also checks that every word can stand in a batch.
  additionOf(kind, args)
  const name = textOf(args, 'name') ?? ''
  if (!/^[\w.][\w.-]*$/.test(name) || (kind !== 'netns' && name.length > 15)) {
    throw new RangeError(
      `"${name}" cannot be the name of a ${kind} (letters, digits, dots and dashes, at most 15 for a link)`,
    )
  }
  if (existsSync(path))
    throw new SystemCallError(EEXIST, 'make', `the ${kind} "${name}": something of that name is there already`)
  return undefined
}

function commandOf(kind: string, args: JsonObject): string {
  return additionOf(kind, args)
    .host.map((line) => `ip ${line}`)
    .join(' && ')
}

async function unbatched(): Promise<never> {
  throw new Error('changes of links are made in batches')
}
