import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cgroup, directory, isAlive, LedgerError, spawning, type Change, type Ledger, type Owner } from '@gantry/linux'
import { criuFailure } from '../checkpoint/checkpoint-container.ts'
import { classifyRuntimeError } from '../oci/classify-error.ts'
import { RuntimeError } from '../runtime-error.ts'
import { runOnce } from '../run-once.ts'
import { checkRootfs } from '../spec/check-rootfs.ts'
import { consequencesOf } from '../spec/consequences.ts'
import type { Bundle, CreateOptions, Runtime, RuntimeFeatures, RunOnceOptions, Stdio, Task, TaskExit } from '../task.ts'
import { groupPathOf } from '../cgroup/group-path-of.ts'
import type { ParentGroups } from '../cgroup/parent-group.ts'
import { monitorArguments } from './conmon-arguments.ts'
import { ConmonTask, type TaskShared } from './conmon-task.ts'
import { answerInTime } from './give-up.ts'
import { identityFromFile, identityOf } from './identity.ts'
import { searchPath, spawnMonitor, type Monitor } from './spawn-monitor.ts'
import { readTaskRecord, taskFiles, writeTaskRecord, type TaskFiles, type TaskRecord } from './task-files.ts'

/** What {@link ConmonRuntime} is made of. */
export interface ConmonRuntimeParts {
  readonly run: string
  readonly ledger: Ledger
  readonly parents: ParentGroups
  readonly shared: TaskShared
}

/** Containers of an OCI runtime, each under a conmon that outlives this process. */
export class ConmonRuntime implements Runtime {
  readonly name: string
  readonly #run: string
  readonly #ledger: Ledger
  readonly #parents: ParentGroups
  readonly #shared: TaskShared

  constructor(parts: ConmonRuntimeParts) {
    this.#run = parts.run
    this.#ledger = parts.ledger
    this.#parents = parts.parents
    this.#shared = parts.shared
    this.name = parts.shared.program.name
  }

  features(): RuntimeFeatures {
    return { pause: true, checkpoint: this.#shared.criu.installed, update: true }
  }

  async create(bundle: Bundle, stdio: Stdio, options: CreateOptions): Promise<Task> {
    checkRootfs(bundle.spec.root.path)
    const files = taskFiles(this.#run, bundle.id)
    mkdirSync(files.exits, { recursive: true, mode: 0o700 })
    mkdirSync(this.#shared.program.root, { recursive: true, mode: 0o700 })
    rmSync(files.exit, { force: true })
    writeFileSync(join(bundle.directory, 'config.json'), JSON.stringify(bundle.spec))
    await this.#recordParent(bundle)
    let made: { monitor: Monitor; record: TaskRecord } | undefined
    const spawn = async (): Promise<number> => {
      made = await this.#spawn(bundle, stdio, { files, restore: options.restore })
      return made.record.monitor.pid
    }
    await this.#apply(options.owner, this.#changes(bundle, files, spawn), options.signal)
    if (made === undefined) throw new RuntimeError('CREATE_FAILED', `Container "${bundle.id}" was not made`)
    this.#ledger.consequences(options.owner, consequencesOf(bundle.spec, made.record.init.pid))
    return new ConmonTask(this.#shared, files, made.record, made.monitor.sync.ended())
  }

  async rehearse(bundle: Bundle, { owner }: CreateOptions): Promise<void> {
    const never = (): Promise<never> => Promise.reject(new Error('a rehearsal starts nothing'))
    await this.#recordParent(bundle)
    await this.#apply(owner, this.#changes(bundle, taskFiles(this.#run, bundle.id), never), undefined)
    this.#ledger.consequences(owner, consequencesOf(bundle.spec, 0))
  }

  async open(id: string): Promise<Task | undefined> {
    const files = taskFiles(this.#run, id)
    const record = readTaskRecord(files)
    if (record === undefined) return Promise.resolve(undefined)
    const hasEnded = this.#shared.exits.read(id) !== undefined
    if (!hasEnded && !isAlive(record.init) && !isAlive(record.monitor)) {
      // Neither lives and no end is noted: another boot of the machine, or both were killed. The task then reports itself as lost.
      return Promise.resolve(new ConmonTask(this.#shared, files, record))
    }
    this.#shared.cgroups.remember(record.init)
    return Promise.resolve(new ConmonTask(this.#shared, files, record))
  }

  async runOnce(bundle: Bundle, options: RunOnceOptions): Promise<TaskExit> {
    await this.#recordParent(bundle)
    return runOnce({ program: this.#shared.program, run: this.#run, ledger: this.#ledger }, bundle, options)
  }

  close(): void {
    this.#shared.exits.close()
  }

  async #recordParent(bundle: Bundle): Promise<void> {
    const group = bundle.spec.linux.cgroupsPath
    if (group !== undefined) await this.#parents.record(groupPathOf(group), this.name)
  }

  #changes(bundle: Bundle, files: TaskFiles, spawn: () => Promise<number>): Change[] {
    const { program } = this.#shared
    const group = bundle.spec.linux.cgroupsPath
    const command = [
      this.#shared.monitorPath,
      '--cid',
      bundle.id,
      '--runtime',
      program.path,
      '--bundle',
      bundle.directory,
    ]
    return [
      directory({ path: files.directory, mode: 0o700 }, 'to find the container again when the daemon was restarted'),
      directory({ path: files.exit, madeBy: 'conmon' }, 'the monitor notes the exit code there'),
      directory(
        { path: join(program.root, bundle.id), madeBy: program.name },
        `${program.name} keeps the container's state there`,
      ),
      ...(group === undefined
        ? []
        : [cgroup({ path: groupPathOf(group), madeBy: program.name }, 'limits and counts what the container uses')]),
      spawning(
        { what: `the monitor of container ${bundle.id.slice(0, 12)}`, command, match: files.pid, grace: 0 },
        "takes the container's output, learns its exit code, and outlives the daemon",
        spawn,
      ),
    ]
  }

  async #apply(owner: Owner, changes: readonly Change[], signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#ledger.apply(owner, changes, signal === undefined ? {} : { signal })
    } catch (error) {
      throw error instanceof LedgerError && error.cause instanceof RuntimeError ? error.cause : error
    }
  }

  async #spawn(
    bundle: Bundle,
    stdio: Stdio,
    { files, restore }: { readonly files: TaskFiles; readonly restore: string | undefined },
  ): Promise<{ monitor: Monitor; record: TaskRecord }> {
    const tried = `Cannot ${restore === undefined ? 'create' : 'restore'} container "${bundle.id}"`
    const restoring =
      restore === undefined
        ? undefined
        : {
            restore,
            path: await this.#shared.criu.searchPath(tried, searchPath),
            log: join(bundle.directory, 'restore.log'),
          }
    if (restoring !== undefined) rmSync(restoring.log, { force: true })
    const monitor = spawnMonitor({
      path: this.#shared.monitorPath,
      directory: bundle.directory,
      args: monitorArguments(this.#shared.program, files, {
        id: bundle.id,
        bundle: bundle.directory,
        stdio,
        ...(restore === undefined ? {} : { restore }),
      }),
      ...(restoring === undefined ? {} : { searchPath: restoring.path }),
      ...(stdio.preserveFds === undefined ? {} : { preserveFds: stdio.preserveFds }),
    })
    const { program } = this.#shared
    const message = await answerInTime(monitor.sync.next(), { program, monitor, monitorPid: files.monitorPid, tried })
    if (message === undefined || message.data <= 0) {
      const failure = classifyRuntimeError(tried, message?.message ?? monitor.said(), 'CREATE_FAILED')
      throw restoring === undefined ? failure : criuFailure(tried, restoring.log, failure)
    }
    const init = identityOf(message.data)
    await monitor.forked()
    const parent = identityFromFile(files.monitorPid)
    if (init === undefined || parent === undefined) {
      const who = init === undefined ? 'first process' : 'monitor'
      throw new RuntimeError('CREATE_FAILED', `${tried}: its ${who} was ended from outside before it was started`)
    }
    this.#shared.cgroups.remember(init)
    const { terminal, stdin, log } = stdio
    const record: TaskRecord = {
      version: 1,
      id: bundle.id,
      bundle: bundle.directory,
      init,
      monitor: parent,
      stdio: { terminal, stdin, stdinOnce: stdio.stdinOnce ?? false, log },
    }
    writeTaskRecord(files, record)
    return { monitor, record }
  }
}
