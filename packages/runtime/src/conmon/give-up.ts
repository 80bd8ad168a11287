import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, readProcesses } from '@gantry/linux'
import type { OciProgram } from '../oci/oci-command.ts'
import { RuntimeError } from '../runtime-error.ts'
import { identityFromFile } from './identity.ts'
import type { Monitor } from './spawn-monitor.ts'

/** Who is waited for. */
export interface Awaited {
  readonly program: OciProgram
  readonly monitor: Monitor
  /** Where conmon notes its own number. */
  readonly monitorPid: string
  readonly tried: string
}

/**
 * Waits for what conmon tells of the runtime, as long as the runtime may take. After that the runtime, whatever it has started, and its
 * conmon are ended: an OCI runtime that hangs must not hold a container for ever.
 * @throws RuntimeError RUNTIME_HANGS
 */
export async function answerInTime<T>(
  answer: Promise<T>,
  { program, monitor, monitorPid, tried }: Awaited,
): Promise<T> {
  const timer = new AbortController()
  const late = sleep(program.patience, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const)
  const first = await Promise.race([answer.then((value) => ({ value })), late])
  timer.abort()
  if (first !== 'late') return first.value
  await monitor.forked()
  await endTree(monitorPid)
  const seconds = String(Math.round(program.patience / 1000))
  throw new RuntimeError(
    'RUNTIME_HANGS',
    `${tried}: "${program.path}" did not answer within ${seconds} seconds and was ended`,
    {
      subject: program.path,
      hint: 'see what it waits for in the log of the kernel (dmesg); GANTRY_RUNTIME_TIMEOUT gives it more seconds',
    },
  )
}

/** Ends conmon and all below it. What is found below is ended until nothing more comes. */
async function endTree(pidFile: string): Promise<void> {
  const top = identityFromFile(pidFile)
  if (top === undefined) return
  for (let round = 0; round < 100; round++) {
    const below = descendants(top.pid)
    if (below.length === 0) break
    for (const pid of below) kill(pid)
    await sleep(10)
  }
  for (let round = 0; round < 100 && isAlive(top); round++) {
    kill(top.pid)
    await sleep(10)
  }
}

function descendants(top: number): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const rows = readProcesses(pids.map(Number)).filter(({ command }) => !command.startsWith('['))
  const found = new Set([top])
  for (let before = 0; before !== found.size;) {
    before = found.size
    for (const { pid, ppid } of rows) if (found.has(ppid)) found.add(pid)
  }
  found.delete(top)
  return [...found]
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
