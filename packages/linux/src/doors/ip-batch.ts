import { existsSync, readFileSync, unlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProcessError, run, runStatus } from '@gantry/process'
import { BatchError, type Batch, type BatchChange } from '../ledger/door.ts'
import type { Json, JsonObject } from '../ledger/json.ts'
import { unmountNow } from '../sys/mount.ts'
import { errorCode } from '../sys/system-call-error.ts'
import { inodeOf, sameInode, statAt } from './path-identity.ts'
import { additionOf, hostRemovalOf, insideRemovalOf, netnsOf } from './ip-lines.ts'
import { textOf } from '../ledger/text-of.ts'

interface Line {
  readonly text: string
  readonly change: number
}

/**
 * All consecutive changes of links, addresses and routes: one `ip -batch` on the host, and then one inside each network
 * namespace.
 */
export const ipBatch: Batch = {
  apply: async (changes, signal) => {
    const host: Line[] = []
    const inside = new Map<string, Line[]>()
    for (const [index, change] of changes.entries()) {
      const lines = additionOf(change.kind, change.args)
      host.push(...lines.host.map((text) => ({ text, change: index })))
      if (lines.netns !== undefined) {
        const list = inside.get(lines.netns) ?? []
        inside.set(lines.netns, list)
        list.push(...lines.inside.map((text) => ({ text, change: index })))
      }
    }
    const begun = new Set<number>()
    if (host.length > 0) await ip([], host, { begun, changes, signal })
    for (const [netns, lines] of inside) await ip(['-n', netns], lines, { begun, changes, signal })
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

async function ip(
  place: readonly string[],
  lines: readonly Line[],
  context: { begun: Set<number>; changes: readonly BatchChange[]; signal: AbortSignal | undefined },
): Promise<void> {
  const input = `${lines.map((line) => line.text).join('\n')}\n`
  try {
    await run('ip', [...place, '-batch', '-'], {
      input,
      ...(context.signal === undefined ? {} : { signal: context.signal }),
    })
    for (const line of lines) context.begun.add(line.change)
  } catch (error) {
    const number = error instanceof ProcessError ? /Command failed -:(\d+)/.exec(error.stderr)?.[1] : undefined
    // Without a line number (killed, cancelled) any of them may have been made.
    const at = number === undefined ? lines.length : Number(number) - 1
    for (const line of lines.slice(0, at)) context.begun.add(line.change)
    const index = lines[Math.min(at, lines.length - 1)]?.change ?? 0
    const untouched = [...context.changes.keys()].filter((each) => !context.begun.has(each))
    throw new BatchError('ip refused a line', { index, untouched, cause: error })
  }
}

async function removeInside(changes: readonly BatchChange[], going: ReadonlySet<string>): Promise<void> {
  const lines = new Map<string, string[]>()
  for (const { kind, args } of changes) {
    const netns = netnsOf(kind, args)
    if (netns === undefined || going.has(netns) || !existsSync(`/run/netns/${netns}`)) continue
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
  return /Cannot find device|Cannot assign requested address|No such process|No such file|Command failed/.test(line)
}

function removeNetns(name: string): void {
  const path = `/run/netns/${name}`
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
    return change.kind === 'netns' && statAt(`/run/netns/${textOf(change.args, 'name') ?? ''}`) !== undefined
  return change.identity === undefined || sameInode(present, change.identity)
}

function identityOf(kind: string, args: JsonObject): Json | undefined {
  if (kind === 'netns') {
    const stat = statAt(`/run/netns/${textOf(args, 'name') ?? ''}`)
    return stat === undefined ? undefined : inodeOf(stat)
  }
  if (kind !== 'veth' && kind !== 'bridge') return undefined
  try {
    return Number(readFileSync(`/sys/class/net/${textOf(args, 'name') ?? ''}/ifindex`, 'utf8'))
  } catch {
    return undefined
  }
}
