import { chownSync, statSync } from 'node:fs'
import type { Task } from '@gantry/runtime'
import type { ContainerRecord } from '../container/record.ts'
import { outsideOf } from '../container/users/container-users.ts'

/**
 * Gives the pipes of a container's process to its user, so that it may open them once more as `/dev/stdout`. Runtimes do so themselves, but
 * not from within a user namespace: there the pipes belong to nobody. The process waits before its first instruction.
 */
export function giveStreams({ spec: { users } }: ContainerRecord, task: Pick<Task, 'pid'>, uid: number): void {
  if (users === undefined) return
  for (const fd of [0, 1, 2]) {
    const path = `/proc/${task.pid}/fd/${fd}`
    const status = statSync(path, { throwIfNoEntry: false })
    if (status?.isFIFO() === true) chownSync(path, outsideOf(users, { uid, gid: 0 }).uid, status.gid)
  }
}
