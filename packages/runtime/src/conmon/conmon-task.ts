import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive } from '@gantry/linux'
import type { CgroupReader } from '../cgroup/cgroup-reader.ts'
import { networkStats } from '../cgroup/network-stats.ts'
import { ociCommand, type OciProgram } from '../oci/oci-command.ts'
import type { OciLifecycle } from '../oci/oci-lifecycle.ts'
import { RuntimeError } from '../runtime-error.ts'
import type { ProcessSpec, ResourcesSpec } from '../spec/runtime-spec.ts'
import { checkpointContainer } from '../checkpoint/checkpoint-container.ts'
import type { Criu } from '../checkpoint/criu.ts'
import type {
  Attachment,
  AttachOptions,
  CheckpointOptions,
  ExecStdio,
  ExecTask,
  Task,
  TaskExit,
  TaskStats,
} from '../task.ts'
import { attachTo } from './attach.ts'
import { leavesInputOpen } from './conmon-arguments.ts'
import { control } from './control.ts'
import { execIn } from './exec.ts'
import type { ExitNote, ExitWatch } from './exit-watch.ts'
import { loseMonitor } from './lost-monitor.ts'
import type { MonitorWatch } from './monitor-watch.ts'
import { signalProcess } from './signals.ts'
import type { TaskFiles, TaskRecord } from './task-files.ts'

/** What all tasks of a runtime share. */
export interface TaskShared {
  readonly program: OciProgram
  readonly criu: Criu
  readonly lifecycle: OciLifecycle
  readonly monitorPath: string
  readonly exits: ExitWatch
  /** Of those that have no pipe to this process. */
  readonly monitors: MonitorWatch
  readonly cgroups: CgroupReader
}

const endWithin = 10_000
// O_PATH, which Node does not name.
const referenceFlags = 0o10000000 | constants.O_DIRECTORY

/** A container under conmon. All state is on disk or in the kernel: any number of these may stand for one container. */
export class ConmonTask implements Task {
  readonly id: string
  readonly pid: number
  readonly #shared: TaskShared
  readonly #files: TaskFiles
  readonly #record: TaskRecord
  /** Settles when the monitor is gone, for those whose end is seen at once; others are looked at now and then. */
  readonly #monitorEnded: Promise<void> | undefined
  #exit: Promise<TaskExit> | undefined
  #execs = 0

  constructor(shared: TaskShared, files: TaskFiles, record: TaskRecord, monitorEnded?: Promise<void>) {
    this.#shared = shared
    this.#files = files
    this.#record = record
    this.#monitorEnded = monitorEnded
    this.id = record.id
    this.pid = record.init.pid
  }

  async attach(options: AttachOptions = {}): Promise<Attachment> {
    const { stdio, bundle } = this.#record
    const closesInput = stdio.stdin && !leavesInputOpen(stdio)
    return attachTo({ directory: bundle, id: this.id, stdin: stdio.stdin, closesInput }, options)
  }

  async start(): Promise<void> {
    this.#mustLive('start')
    await this.#shared.lifecycle.start(this.id)
  }

  async kill(signal: NodeJS.Signals | number): Promise<void> {
    signalProcess(this.#record.init, signal, `container "${this.id}"`)
    return Promise.resolve()
  }

  async exec(process: ProcessSpec, stdio: ExecStdio): Promise<ExecTask> {
    this.#mustLive('run a program in')
    const name = `${String(globalThis.process.pid)}-${String(this.#execs++)}`
    return execIn(this.#shared, { id: this.id, name, directory: this.#files.directory, process, stdio })
  }

  async pause(): Promise<void> {
    this.#mustLive('pause')
    await this.#command(['pause', this.id], 'pause')
  }

  async resume(): Promise<void> {
    this.#mustLive('resume')
    await this.#command(['resume', this.id], 'resume')
  }

  async checkpoint(options: CheckpointOptions): Promise<void> {
    this.#mustLive('make a checkpoint of')
    await checkpointContainer(this.#shared, this.id, options)
  }

  async resize(height: number, width: number): Promise<void> {
    if (this.#record.stdio.terminal) await control(this.#record.bundle, this.id, { kind: 'resize', height, width })
  }

  async reopenLog(): Promise<void> {
    await control(this.#record.bundle, this.id, { kind: 'reopen-log' })
  }

  async update(resources: ResourcesSpec): Promise<void> {
    this.#mustLive('update')
    await this.#command(['update', '--resources', '-', this.id], 'update', JSON.stringify(resources))
  }

  async stats(): Promise<TaskStats> {
    this.#mustLive('read statistics of')
    const [usage, network] = await Promise.all([this.#shared.cgroups.stats(this.#record.init), networkStats(this.pid)])
    return { at: Date.now(), ...usage, network }
  }

  pids(): Promise<readonly number[]> {
    return this.#shared.cgroups.pids(this.#record.init)
  }

  openRoot(): Promise<number> {
    const { pid } = this.#record.init
    let own: number | undefined
    try {
      own = openSync(`/proc/${String(pid)}`, constants.O_RDONLY | constants.O_DIRECTORY)
      // It has had this number all the time if it still has it now: what was opened is its own.
      this.#mustLive('look into')
      return Promise.resolve(openSync(`/proc/self/fd/${String(own)}/root`, referenceFlags))
    } catch (cause) {
      if (cause instanceof RuntimeError) throw cause
      throw new RuntimeError('NOT_RUNNING', `Cannot look into container "${this.id}": it has ended`, { cause })
    } finally {
      if (own !== undefined) closeSync(own)
    }
  }

  wait(options: { readonly signal?: AbortSignal } = {}): Promise<TaskExit> {
    this.#exit ??= this.#watch()
    const { signal } = options
    if (signal === undefined) return this.#exit
    const exit = this.#exit
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        reject(new RuntimeError('ABORTED', `Stopped waiting for container "${this.id}"`, { cause: signal.reason }))
      }
      if (signal.aborted) {
        stop()
        return
      }
      signal.addEventListener('abort', stop, { once: true })
      void exit.then(resolve, reject).finally(() => {
        signal.removeEventListener('abort', stop)
      })
    })
  }

  async delete(): Promise<void> {
    const isLiving = isAlive(this.#record.init)
    if (isLiving) signalProcess(this.#record.init, 'SIGKILL', `container "${this.id}"`)
    // A frozen process of cgroups v1 dies when it is thawed, which the runtime's own removal does.
    await this.#endedWithin(isLiving ? 500 : endWithin)
    await this.#shared.lifecycle.remove(this.id)
    // The monitor's last note must not come after its file was removed.
    await this.#endedWithin(endWithin)
    const { bundle } = this.#record
    const left = [this.#files.exit, this.#files.directory, ...monitorFiles.map((name) => `${bundle}/${name}`)]
    // A dozen small files: gone before a thread of the pool would have begun.
    for (const path of left) rmSync(path, { recursive: true, force: true })
  }

  async #endedWithin(milliseconds: number): Promise<void> {
    const timer = new AbortController()
    try {
      await Promise.race([this.wait(), sleep(milliseconds, undefined, { signal: timer.signal }).catch(() => {})])
    } finally {
      timer.abort()
    }
  }

  #mustLive(verb: string): void {
    if (isAlive(this.#record.init)) return
    throw new RuntimeError('NOT_RUNNING', `Cannot ${verb} container "${this.id}": it has ended`)
  }

  async #command(args: readonly string[], verb: string, input?: string): Promise<void> {
    await ociCommand(this.#shared.program, args, {
      tried: `Cannot ${verb} container "${this.id}"`,
      fallback: 'COMMAND_FAILED',
      ...(input === undefined ? {} : { input }),
    })
  }

  #watch(): Promise<TaskExit> {
    return new Promise((resolve) => {
      const stop = this.#shared.exits.onExit(this.id, (note) => {
        cancel()
        void this.#describe(note).then(resolve)
      })
      const lost = (): void => {
        stop()
        void this.#lost().then(resolve)
      }
      const cancel = this.#whenMonitorEnds(lost)
    })
  }

  async #lost(): Promise<TaskExit> {
    const end = await loseMonitor(this.#shared.exits, this.#files, this.#record)
    return { ...(await this.#describe(end)), ...(end.lost ? { monitorLost: true } : {}) }
  }

  #whenMonitorEnds(lost: () => void): () => void {
    if (this.#monitorEnded === undefined) return this.#shared.monitors.onEnd(this.#record.monitor, lost)
    let done = false
    void this.#monitorEnded.then(() => {
      if (!done) lost()
      done = true
    })
    return () => {
      done = true
    }
  }

  async #describe(note: ExitNote): Promise<TaskExit> {
    const oomKilled = await this.#shared.cgroups.oomKilled(this.#record.init, [`${this.#record.bundle}/oom`])
    return { exitCode: note.exitCode, oomKilled, at: note.at }
  }
}

/** What conmon leaves in the bundle. */
const monitorFiles: readonly string[] = ['attach', 'ctl', 'winsz', 'oom']
