import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readCgroups } from '../host/read-cgroups.ts'
import type { Change } from '../ledger/change.ts'
import type { Door } from '../ledger/door.ts'
import { errorCode } from '../sys/system-call-error.ts'
import { statAt } from './path-identity.ts'
import { shellWords } from './shell-quote.ts'

/** Arguments of {@link cgroup}. */
export type CgroupArgs = {
  /** From the root of each hierarchy, such as `/gantry/<id>`. */
  readonly path: string
  /** Who makes it, when it is not this door: apply then does nothing. */
  readonly madeBy?: string
}

/** A control group in every hierarchy. Undo kills what is left in it, and removes it and the groups below. */
export function cgroup(args: CgroupArgs, why: string): Change<CgroupArgs> {
  return { kind: 'cgroup', args, why }
}

const patience = 10_000

/** The door of {@link cgroup}. */
export const cgroupDoor: Door<CgroupArgs> = {
  kind: 'cgroup',
  describe: ({ path, madeBy }) => ({
    sentence:
      madeBy === undefined ? `Make the control group ${path}` : `Expect the control group ${path} from ${madeBy}`,
    command: madeBy === undefined ? shellWords('mkdir', '-p', ...groupsOf(path)) : '',
    undo: shellWords('rmdir', ...groupsOf(path)),
  }),
  observe: ({ path }) => {
    if (!/^\/[^/]/.test(path) || path.split('/').includes('..'))
      throw new RangeError(`"${path}" is no path of a control group`)
    return undefined
  },
  apply: async ({ path, madeBy }) => {
    if (madeBy === undefined) for (const group of groupsOf(path)) mkdirSync(group, { recursive: true })
    return undefined
  },
  undo: async ({ path }) => {
    const groups = groupsOf(path).filter((group) => statAt(group) !== undefined)
    const until = performance.now() + patience
    for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
      const left = groups.filter((group) => !removeGroup(group))
      if (left.length === 0) return
      if (performance.now() > until) {
        throw new Error(`Control group ${path} still has processes that do not end after SIGKILL: ${left.join(', ')}`)
      }
      await sleep(pause)
    }
  },
}

function groupsOf(path: string): readonly string[] {
  const { unified, hierarchies } = readCgroups()
  return [...hierarchies, ...(unified === undefined ? [] : [unified])].map((root) => join(root, path))
}

// Kills everything at and below a group, then removes it, deepest first. Whether it is gone.
function removeGroup(group: string): boolean {
  let below: readonly string[]
  try {
    below = readdirSync(group, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(group, entry.name))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return true
    throw error
  }
  killAll(group)
  let gone = true
  for (const child of below) if (!removeGroup(child)) gone = false
  if (!gone) return false
  try {
    rmdirSync(group)
    return true
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT') return true
    if (code === 'EBUSY' || code === 'ENOTEMPTY') return false
    throw error
  }
}

function killAll(group: string): void {
  try {
    // Linux 5.14, v2: at once and with all below, also what forks meanwhile.
    writeFileSync(join(group, 'cgroup.kill'), '1', { flag: 'r+' })
    return
  } catch {
    // v1, or older
  }
  try {
    // A frozen group's processes do not die.
    writeFileSync(join(group, 'freezer.state'), 'THAWED', { flag: 'r+' })
  } catch {
    // another hierarchy
  }
  for (const line of readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n')) {
    const pid = Number(line)
    if (pid > 1 && pid !== process.pid) kill(pid)
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}
