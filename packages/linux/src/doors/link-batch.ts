import { existsSync, readFileSync, statfsSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runStatus } from '@gantry/process'
import { BatchError, type Batch, type BatchChange } from '../ledger/door.ts'
import type { Json, JsonObject } from '../ledger/json.ts'
import { unmountNow } from '../sys/mount.ts'
import { makeNetworkNamespace, shareDirectory } from '../sys/network-namespace.ts'
import { makeNetworkNamespaceOf } from '../sys/user-namespace.ts'
import { errorCode } from '../sys/system-call-error.ts'
import { inodeOf, sameInode, statAt } from './path-identity.ts'
import { hostRemovalOf, insideRemovalOf, netnsOf } from './ip-lines.ts'
import { textOf } from '../ledger/text-of.ts'
import { requestsOf } from './link-requests.ts'
import { LinkSockets, netnsPath } from './link-sockets.ts'

/**
 * All consecutive changes of links, addresses and routes. They are made over netlink, in one go of this thread: about 3 ms for
 * a container, where `ip` takes 15. Taking back what does not go with its network namespace is left to `ip`, since the kernel
 * waits tens of milliseconds for each link that goes.
 */
export const linkBatch: Batch = {
  apply: async (changes, signal) => {
    signal?.throwIfAborted()
    using sockets = new LinkSockets()
    const begun = new Set<number>()
    for (const [index, change] of changes.entries()) {
      try {
        await make(change, sockets, () => begun.add(index))
      } catch (error) {
        const untouched = [...changes.keys()].filter((each) => !begun.has(each))
        throw new BatchError('the kernel refused a change of links', { index, untouched, cause: error })
      }
    }
    return changes.map((change) => identityOf(change.kind, change.args))
  },
  undo: async (changes) => {
    const going = new Set<string>()
    for (const change of changes)
      if (change.kind === 'netns' && isOurs(change)) going.add(textOf(change.args, 'name') ?? '')
    await removeInside(changes, going)
    // A namespace takes its links with it, the other ends too, in milliseconds; deleting a link itself takes tens of them.
    for (const name of going) removeNetns(name)
    const links = changes.filter((change) => (change.kind === 'veth' || change.kind === 'bridge') && isOurs(change))
    const passing = links.filter((change) => going.has(textOf(change.args, 'netns') ?? ''))
    await untilGone(passing)
    const left = [...changes.filter((change) => change.kind !== 'veth' && change.kind !== 'bridge'), ...links]
    const lines = left.flatMap((change) => hostRemovalOf(change.kind, change.args).filter(() => isThere(change)))
    if (lines.length === 0) return
    const result = await runStatus('ip', ['-force', '-batch', '-'], { input: `${lines.join('\n')}\n` })
    const stayed = links.find((change) => isOurs(change))
    if (stayed !== undefined) {
      throw new Error(`The link ${textOf(stayed.args, 'name') ?? ''} cannot be deleted: ${result.stderr.trim()}`)
    }
  },
}

async function make({ kind, args }: BatchChange, sockets: LinkSockets, begin: () => void): Promise<void> {
  const name = textOf(args, 'name') ?? ''
  if (kind === 'netns') {
    const users = textOf(args, 'users')
    if (users === undefined) makeNetworkNamespace(netnsPath(name))
    else await makeNetworkNamespaceOf(users, shared(netnsPath(name)))
    begin()
  }
  // A sublink is made from the host, where its parent is.
  const socket = sockets.socketIn(kind === 'netns' ? name : kind === 'sublink' ? undefined : netnsOf(kind, args))
  const numbers = {
    linkIndex: (link: string) => socket.linkIndex(link),
    netns: (netns: string) => sockets.netns(netns),
  }
  for (const request of requestsOf(kind, args, numbers)) {
    socket.change(request)
    begin()
  }
}

/** A path whose directory's mounts are seen by all. */
function shared(path: string): string {
  shareDirectory(dirname(path))
  return path
}

async function removeInside(changes: readonly BatchChange[], going: ReadonlySet<string>): Promise<void> {
  const lines = new Map<string, string[]>()
  for (const { kind, args } of changes) {
    const netns = netnsOf(kind, args)
    if (netns === undefined || going.has(netns) || !isNamespace(netnsPath(netns))) continue
    lines.set(netns, [...(lines.get(netns) ?? []), ...insideRemovalOf(kind, args)])
  }
  for (const [netns, list] of lines) {
    if (list.length === 0) continue
    const result = await runStatus('ip', ['-n', netns, '-force', '-batch', '-'], { input: `${list.join('\n')}\n` })
    const refused = result.stderr.split('\n').filter((line) => line !== '' && !isAbsence(line))
    if (refused.length > 0) throw new Error(`ip cannot undo in ${netns}: ${refused.join('; ')}`)
  }
}

function isAbsence(line: string): boolean {
  return /Cannot find device|Cannot assign requested address|No such process|No such file|Command failed|address not found/.test(
    line,
  )
}

function removeNetns(name: string): void {
  const path = netnsPath(name)
  // Several mounts may be stacked, when one was made again over a file that was left.
  while (unmountNow(path, { detach: true })) continue
  try {
    unlinkSync(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}

async function untilGone(links: readonly BatchChange[]): Promise<void> {
  const until = performance.now() + 150
  while (links.some((link) => isThere(link)) && performance.now() < until) await sleep(1)
}

function isThere({ kind, args }: BatchChange): boolean {
  if (kind === 'netns') return false
  if (netnsOf(kind, args) !== undefined && kind !== 'veth') return false
  const link = textOf(args, 'link') ?? textOf(args, 'name')
  return link === undefined || existsSync(`/sys/class/net/${link}`)
}

function isOurs(change: BatchChange): boolean {
  const present = identityOf(change.kind, change.args)
  if (present === undefined)
    return change.kind === 'netns' && statAt(netnsPath(textOf(change.args, 'name') ?? '')) !== undefined
  return change.identity === undefined || sameInode(present, change.identity)
}

const nsfsMagic = 0x6e736673

/** Whether a namespace is mounted at a path. Who is killed between mounting and removing leaves a plain file there. */
function isNamespace(path: string): boolean {
  try {
    return statfsSync(path).type === nsfsMagic
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
}

function identityOf(kind: string, args: JsonObject): Json | undefined {
  if (kind === 'netns') {
    const path = netnsPath(textOf(args, 'name') ?? '')
    const stat = statAt(path)
    return stat === undefined || !isNamespace(path) ? undefined : inodeOf(stat)
  }
  if (kind !== 'veth' && kind !== 'bridge') return undefined
  try {
    return Number(readFileSync(`/sys/class/net/${textOf(args, 'name') ?? ''}/ifindex`, 'utf8'))
  } catch {
    return undefined
  }
}
