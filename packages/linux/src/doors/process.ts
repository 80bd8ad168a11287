import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Change } from '../ledger/change.ts'
import type { Door } from '../ledger/door.ts'
import type { Json } from '../ledger/json.ts'
import { isAlive, processStartTime, type ProcessIdentity } from '../sys/process-identity.ts'
import { errorCode } from '../sys/system-call-error.ts'
import { shellWords } from './shell-quote.ts'

/** Arguments of {@link spawning} and {@link spawned}. */
export type ProcessArgs = {
  /** For people: `the monitor`. */
  readonly what: string
  readonly command: readonly string[]
  /**
   * An argument that only this process and its helpers carry on their command line, such as a bundle's path, so that a process
   * whose PID was not recorded any more is found. Unique on the machine.
   */
  readonly match?: string
  readonly pid?: number
  readonly startTime?: string
  /** Milliseconds between SIGTERM and SIGKILL at undo. Default: 0, SIGKILL at once. */
  readonly grace?: number
}

/**
 * A process that the caller spawns between intent and confirmation, so that not even `kill -9` in between loses it.
 * `spawn` answers with its PID. Undo ends it by PID and start time, or, if it was only planned, all that carry `match`.
 */
export function spawning(
  args: ProcessArgs & { readonly match: string },
  why: string,
  spawn: (signal: AbortSignal | undefined) => Promise<number>,
): Change<ProcessArgs> {
  return { kind: 'process', args, why, act: spawn }
}

/** A process that runs already. @see spawning, which leaves no moment in which nobody knows it */
export function spawned(
  args: ProcessArgs & { readonly pid: number; readonly startTime: string },
  why: string,
): Change<ProcessArgs> {
  return { kind: 'process', args, why }
}

/** The door of {@link spawning} and {@link spawned}. */
export const processDoor: Door<ProcessArgs> = {
  kind: 'process',
  describe: ({ what, command, pid, match }) => ({
    sentence: `Start ${what}`,
    command: shellWords(...command),
    undo:
      pid === undefined ? shellWords('pkill', '-KILL', '-f', match ?? what) : shellWords('kill', '-KILL', String(pid)),
  }),
  apply: async ({ pid, startTime, what }, { act, signal }): Promise<Json | undefined> => {
    if (act === undefined) return pid === undefined || startTime === undefined ? undefined : { pid, startTime }
    const spawnedPid = await act(signal)
    if (typeof spawnedPid !== 'number') throw new TypeError(`Starting ${what} gave no PID`)
    // One that has ended already has no start time, and needs no undo.
    return { pid: spawnedPid, startTime: processStartTime(spawnedPid) ?? '' }
  },
  undo: async ({ pid, startTime, match, grace = 0 }, identity) => {
    const known =
      identityOf(identity) ?? (pid === undefined || startTime === undefined ? undefined : { pid, startTime })
    if (known !== undefined) await end(known, grace)
    else if (match !== undefined) await Promise.all(carriersOf(match).map((each) => end(each, 0)))
  },
}

function identityOf(identity: Json | undefined): ProcessIdentity | undefined {
  if (typeof identity !== 'object' || identity === null || !('pid' in identity)) return undefined
  return { pid: Number(identity.pid), startTime: typeof identity.startTime === 'string' ? identity.startTime : '' }
}

async function end(process: ProcessIdentity, grace: number): Promise<void> {
  if (grace > 0) {
    signalTo(process, 'SIGTERM')
    if (await gone(process, grace)) return
  }
  signalTo(process, 'SIGKILL')
  if (!(await gone(process, 5000))) {
    throw new Error(
      `Process ${String(process.pid)} does not end after SIGKILL (it waits in the kernel, perhaps for a disk)`,
    )
  }
}

function signalTo(target: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(target)) return
  try {
    process.kill(target.pid, signal)
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}

async function gone(target: ProcessIdentity, milliseconds: number): Promise<boolean> {
  const until = performance.now() + milliseconds
  for (let pause = 1; isAlive(target); pause = Math.min(pause * 2, 20)) {
    if (performance.now() > until) return false
    await sleep(pause)
  }
  return true
}

function carriersOf(match: string): readonly ProcessIdentity[] {
  const found: ProcessIdentity[] = []
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    let argv: readonly string[]
    try {
      argv = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')
    } catch {
      continue
    }
    const startTime = argv.includes(match) ? processStartTime(pid) : undefined
    if (startTime !== undefined) found.push({ pid, startTime })
  }
  return found
}
