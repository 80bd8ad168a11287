import type { ContainerPathStat } from '@gantry/client'
import type { PathStat } from '@gantry/engine'
import { timeText } from './times.ts'

const types: readonly (readonly [type: number, bits: number])[] = [
  [0o040000, 2 ** 31],
  [0o120000, 2 ** 27],
  [0o060000, 2 ** 26],
  [0o020000, 2 ** 26 + 2 ** 21],
  [0o010000, 2 ** 25],
  [0o140000, 2 ** 24],
]
const specials: readonly (readonly [bit: number, bits: number])[] = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
]

/** What `X-Docker-Container-Path-Stat` carries. Its mode has the bits of Go's `os.FileMode`, not those of stat(2). */
export function pathStat({ name, size, mode, modified, linkTarget }: PathStat): ContainerPathStat {
  return { name, size, mode: goMode(mode), mtime: timeText(modified), linkTarget }
}

/** The header that tells of a path. */
export function pathStatHeaders(stat: PathStat): { 'X-Docker-Container-Path-Stat': string } {
  return { 'X-Docker-Container-Path-Stat': Buffer.from(JSON.stringify(pathStat(stat))).toString('base64') }
}

function goMode(mode: number): number {
  const type = types.find(([bits]) => (mode & 0o170000) === bits)?.[1] ?? 0
  return specials.reduce((sum, [bit, bits]) => sum + ((mode & bit) === 0 ? 0 : bits), type + (mode & 0o777))
}
