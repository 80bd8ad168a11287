import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive } from '@gantry/linux'
import type { ExitNote, ExitWatch } from './exit-watch.ts'
import type { TaskFiles, TaskRecord } from './task-files.ts'

/**
 * Settles what happens when conmon is gone. Ordinarily it has written the exit file. If it was killed, nobody takes the container's
 * output or learns its exit code any more: the container is ended too, and noted as killed (137), so that every reader finds one answer.
 */
export async function loseMonitor(
  exits: ExitWatch,
  files: TaskFiles,
  record: TaskRecord,
): Promise<ExitNote & { readonly lost: boolean }> {
  const note = exits.read(record.id)
  if (note !== undefined) return { ...note, lost: false }
  if (isAlive(record.init)) {
    try {
      process.kill(record.init.pid, 'SIGKILL')
    } catch {
      // it has ended by itself just now
    }
    for (let round = 0; round < 200 && isAlive(record.init); round++) await sleep(5)
  }
  const late = exits.read(record.id)
  if (late !== undefined) return { ...late, lost: false }
  // Not for one that somebody has removed meanwhile.
  if (existsSync(files.directory)) {
    writeFileSync(`${files.exit}.new`, '137')
    renameSync(`${files.exit}.new`, files.exit)
  }
  return { exitCode: 137, at: Date.now(), lost: true }
}
