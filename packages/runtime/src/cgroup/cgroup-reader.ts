import type { HostCgroup } from '@gantry/linux'
import type { ProcessIdentity } from '../conmon/task-files.ts'
import type { TaskStats } from '../task.ts'
import { GroupPaths } from './group-paths.ts'
import { statsV1 } from './stats-v1.ts'
import { statsV2 } from './stats-v2.ts'
import { numberIn, readNumbers, readText } from './files.ts'

/** The part of {@link TaskStats} that control groups know. */
export type GroupStats = Pick<TaskStats, 'cpu' | 'memory' | 'pids' | 'io'>

/** Reads the control groups of containers. */
export interface CgroupReader {
  /** @throws RuntimeError NOT_RUNNING */
  stats(init: ProcessIdentity): Promise<GroupStats>
  /** Host PIDs of all processes in the group and below; none when it is gone. */
  pids(init: ProcessIdentity): Promise<readonly number[]>
  /** Whether a process of the group was ended for want of memory, by the group's own counter or one of conmon's notes. */
  oomKilled(init: ProcessIdentity, notes: readonly string[]): Promise<boolean>
  /** Remembers where a container's groups are, while its first process lives. */
  remember(init: ProcessIdentity): void
}

/** The reader for a host's way of mounting control groups. Paths are found by the first process and remembered. */
export function cgroupReader(cgroup: HostCgroup): CgroupReader {
  const paths = new GroupPaths(cgroup)
  const unified = cgroup.mode === 'v2'
  const memoryEvents = unified ? 'memory.events' : 'memory.oom_control'
  return {
    stats: (init) => (unified ? statsV2(paths.of(init)) : statsV1(paths.of(init))),
    remember: (init) => {
      paths.remember(init)
    },
    async pids(init) {
      const directory = paths.find(init)?.get(unified ? '' : 'pids')
      return directory === undefined ? [] : readNumbers(directory, 'cgroup.procs')
    },
    async oomKilled(init, notes) {
      const directory = paths.find(init)?.get(unified ? '' : 'memory')
      if (directory !== undefined) {
        const text = await readText(`${directory}/${memoryEvents}`)
        if (text !== undefined && numberIn(text, 'oom_kill') > 0) return true
      }
      for (const note of notes) if ((await readText(note)) !== undefined) return true
      return false
    },
  }
}
