import { readFileSync } from 'node:fs'
import { readProcesses, type ProcessRow } from '@gantry/linux'
import { run } from '@gantry/process'
import type { Context } from '../context.ts'
import { EngineError } from '../engine-error.ts'

interface Table {
  readonly titles: readonly string[]
  readonly processes: readonly (readonly string[])[]
}

/**
 * The processes of a container, as the host sees them. Without `psArguments` the table is that of `ps -ef`, and no `ps` is
 * needed for it; with them it is what `ps` on the host makes of them.
 *
 * @throws EngineError CONTAINER_UNKNOWN, CONTAINER_NOT_RUNNING, SPEC_INVALID
 */
export async function top(context: Context, reference: string, psArguments = '-ef'): Promise<Table> {
  const { id } = context.containers.find(reference)
  const { task } = context.live.of(id)
  if (task === undefined) throw new EngineError('CONTAINER_NOT_RUNNING', `container ${id} is not running`)
  const pids = await task.pids()
  return psArguments.trim() === '-ef'
    ? fullTable(readProcesses(pids), context.clock.now())
    : psTable(new Set(pids), psArguments)
}

/** The table of `ps -ef`. */
export function fullTable(rows: readonly ProcessRow[], now: number): Table {
  const names = namesOfUsers()
  const processes = rows.map(({ pid, ppid, uid, cpuSeconds, startedAt, terminal, command }) => {
    const age = Math.max((now - startedAt) / 1000, 1)
    return [
      names.get(uid) ?? String(uid),
      String(pid),
      String(ppid),
      String(Math.min(Math.trunc((cpuSeconds / age) * 100), 99)),
      printStart(new Date(startedAt), new Date(now)),
      terminal ?? '?',
      printDuration(Math.trunc(cpuSeconds)),
      command,
    ]
  })
  return { titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'], processes }
}

function namesOfUsers(): ReadonlyMap<number, string> {
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
    return new Map(lines.map((line) => line.split(':')).map(([name = '', , uid]) => [Number(uid), name]))
  } catch {
    return new Map()
  }
}

const two = (value: number): string => String(value).padStart(2, '0')

function printStart(start: Date, now: Date): string {
  return start.toDateString() === now.toDateString()
    ? `${two(start.getHours())}:${two(start.getMinutes())}`
    : start.toDateString().slice(4, 10).replace(' ', '')
}

function printDuration(seconds: number): string {
  return `${two(Math.trunc(seconds / 3600))}:${two(Math.trunc(seconds / 60) % 60)}:${two(seconds % 60)}`
}

async function psTable(pids: ReadonlySet<number>, psArguments: string): Promise<Table> {
  const { stdout } = await run(
    'ps',
    psArguments.split(/\s+/).filter((word) => word !== ''),
  )
  const [head = '', ...rows] = stdout.trimEnd().split('\n')
  const titles = head.trim().split(/\s+/)
  const column = titles.indexOf('PID')
  if (column < 0) throw new EngineError('SPEC_INVALID', "Couldn't find PID field in ps output")
  const processes = rows.map((row) => fields(row, titles.length)).filter((row) => pids.has(Number(row[column])))
  return { titles, processes }
}

/** The last field is the command, and holds spaces. */
function fields(row: string, count: number): string[] {
  const words = row.trim().split(/\s+/)
  return [...words.slice(0, count - 1), words.slice(count - 1).join(' ')]
}
