import type { InterfaceStats } from '../task.ts'
import { readText } from './files.ts'

/** Counters of the links that a process sees, without its loopback. Empty when it has ended. */
export async function networkStats(pid: number): Promise<Readonly<Record<string, InterfaceStats>>> {
  const text = (await readText(`/proc/${String(pid)}/net/dev`)) ?? ''
  const links: Record<string, InterfaceStats> = {}
  // Two heading lines, then "name: rx bytes packets errs drop fifo frame compressed multicast, tx bytes packets errs drop …".
  for (const line of text.split('\n').slice(2)) {
    const at = line.indexOf(':')
    const name = line.slice(0, at).trim()
    if (at === -1 || name === 'lo') continue
    const numbers = line
      .slice(at + 1)
      .trim()
      .split(/\s+/)
      .map(Number)
    const number = (index: number): number => numbers[index] ?? 0
    links[name] = {
      rxBytes: number(0),
      rxPackets: number(1),
      rxErrors: number(2),
      rxDropped: number(3),
      txBytes: number(8),
      txPackets: number(9),
      txErrors: number(10),
      txDropped: number(11),
    }
  }
  return links
}
