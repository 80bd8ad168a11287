import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stdio } from '../task.ts'

/** Where the runtime keeps what it needs to find a container again. All under the run directory, but for the bundle's own. */
export interface TaskFiles {
  /** <run>/tasks/<id>: everything below but the exit file. */
  readonly directory: string
  /** The main process. */
  readonly pid: string
  readonly monitorPid: string
  /** What {@link TaskRecord} says. */
  readonly record: string
  /** Directory in which a file named by the container's ID appears when it has ended. */
  readonly exits: string
  readonly exit: string
}

/** The file names of a container. */
export function taskFiles(run: string, id: string): TaskFiles {
  const directory = join(run, 'tasks', id)
  const exits = join(run, 'exits')
  return {
    directory,
    pid: join(directory, 'pid'),
    monitorPid: join(directory, 'conmon.pid'),
    record: join(directory, 'task.json'),
    exits,
    exit: join(exits, id),
  }
}

/** A process that can be told from a later one of the same number. */
export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of /proc/PID/stat. */
  readonly startTime: string
}

/** What another process of Gantry must know to take over a container. */
export interface TaskRecord {
  readonly version: 1
  readonly id: string
  readonly bundle: string
  readonly init: ProcessIdentity
  readonly monitor: ProcessIdentity
  readonly stdio: Pick<Stdio, 'terminal' | 'stdin' | 'stdinOnce' | 'log'>
}

/** Writes a record atomically. */
export function writeTaskRecord(files: TaskFiles, record: TaskRecord): void {
  const temporary = `${files.record}.new`
  writeFileSync(temporary, JSON.stringify(record))
  renameSync(temporary, files.record)
}

/** Reads a record; undefined when there is none, or one of another version. */
export function readTaskRecord(files: TaskFiles): TaskRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(files.record, 'utf8'))
  } catch {
    return undefined
  }
  const record = value as TaskRecord | null
  return record?.version === 1 ? record : undefined
}
