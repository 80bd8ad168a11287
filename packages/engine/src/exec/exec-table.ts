import type { ExecTask } from '@gantry/runtime'
import type { Clock } from '../clock.ts'
import { EngineError } from '../engine-error.ts'

/** What to run beside a container's own process. */
export interface ExecRequest {
  readonly args: readonly string[]
  readonly env?: readonly string[]
  readonly user?: string
  readonly workingDirectory?: string
  readonly terminal?: boolean
  readonly stdin?: boolean
  readonly stdout?: boolean
  readonly stderr?: boolean
  readonly privileged?: boolean
  readonly detachKeys?: string
}

/** A further process of a container, before, while and after it runs. */
export interface ExecRecord {
  readonly id: string
  readonly container: string
  readonly request: ExecRequest
  started: boolean
  running: boolean
  pid: number
  exitCode: number | undefined
  task: ExecTask | undefined
}

const keptAfterEnd = 5 * 60_000
const keptUnstarted = 60 * 60_000

/** Processes made by exec. They are kept for five minutes after their end, so that their exit code can be asked for. */
export class ExecTable {
  readonly #clock: Clock
  readonly #byId = new Map<string, ExecRecord>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Adds a process that has not been started. */
  add(record: ExecRecord): void {
    this.#byId.set(record.id, record)
    this.#forgetLater(record, keptUnstarted, () => !record.started)
  }

  /** Finds by id. @throws EngineError EXEC_UNKNOWN */
  find(id: string): ExecRecord {
    const record = this.#byId.get(id)
    if (record === undefined) throw new EngineError('EXEC_UNKNOWN', `No such exec instance: ${id}`)
    return record
  }

  /** Those of a container that run. */
  of(container: string): readonly ExecRecord[] {
    return [...this.#byId.values()].filter((record) => record.container === container)
  }

  /** Notes the end of a process. */
  ended(record: ExecRecord, exitCode: number): void {
    record.running = false
    record.exitCode = exitCode
    record.task = undefined
    this.#forgetLater(record, keptAfterEnd, () => true)
  }

  /** Forgets the processes of a removed container. */
  forget(container: string): void {
    for (const record of this.of(container)) this.#byId.delete(record.id)
  }

  #forgetLater(record: ExecRecord, after: number, still: () => boolean): void {
    const forget = async (): Promise<void> => {
      await this.#clock.sleep(after)
      if (still()) this.#byId.delete(record.id)
    }
    void forget()
  }
}
