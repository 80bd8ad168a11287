import { appendFileSync, constants, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  RuntimeError,
  type Bundle,
  type ExecTask,
  type OutputChunk,
  type Runtime,
  type Stdio,
  type Task,
  type TaskExit,
} from '@gantry/runtime'
import type { Clock } from '@gantry/engine'
import { FakeProcess } from './fake-process.ts'
import { fakePrograms, type FakeProgram } from './fake-program.ts'

/** A runtime without a kernel: containers are functions. */
export interface FakeRuntime extends Runtime {
  /** Ids of the containers that it knows. */
  readonly ids: readonly string[]
  /** Signals sent to main processes, in order. */
  readonly signals: readonly { id: string; signal: number }[]
  /** Ends a container as the kernel does when its memory is used up. */
  outOfMemory(id: string): void
  /** Makes the next `create`, `start` or `delete` fail. */
  failNext(step: 'create' | 'start' | 'delete', error: Error): void
  /** Makes a runtime that knows the same containers, as after a restart of the daemon. */
  reopen(): FakeRuntime
}

interface World {
  readonly tasks: Map<string, FakeTask>
  readonly programs: Readonly<Record<string, FakeProgram>>
  readonly clock: Clock
  readonly signals: { id: string; signal: number }[]
  readonly failures: Map<string, Error>
  pid: number
}

/** Makes a fake runtime; `programs` are added to true, false, echo, cat, sleep, env and a little sh. */
export function fakeRuntime(options: { clock: Clock; programs?: Readonly<Record<string, FakeProgram>> }): FakeRuntime {
  return runtimeOf({
    tasks: new Map(),
    programs: { ...fakePrograms, ...options.programs },
    clock: options.clock,
    signals: [],
    failures: new Map(),
    pid: 100_000,
  })
}

function runtimeOf(world: World): FakeRuntime {
  const { tasks, signals, failures } = world
  return {
    name: 'fake',
    features: () => ({ pause: true, checkpoint: false, update: true }),
    create: async (bundle, stdio) => {
      fail(failures, 'create')
      if (tasks.has(bundle.id)) throw new RuntimeError('TASK_EXISTS', `Cannot create "${bundle.id}": it exists already`)
      programOf(world, bundle.spec.process.args)
      writeFileSync(join(bundle.directory, 'config.json'), JSON.stringify(bundle.spec))
      if (stdio.log !== undefined) appendFileSync(stdio.log, '')
      const task = new FakeTask(world, bundle, stdio)
      tasks.set(bundle.id, task)
      return task
    },
    open: async (id) => tasks.get(id),
    runOnce: async (bundle, { onOutput }) => {
      const program = programOf(world, bundle.spec.process.args)
      const process = new FakeProcess({
        terminal: false,
        stdin: false,
        stdinOnce: false,
        onOutput: (chunk) => void onOutput?.(chunk),
      })
      process.run(program, { args: bundle.spec.process.args, env: bundle.spec.process.env ?? [] })
      return { exitCode: await process.exit, oomKilled: false, at: world.clock.now() }
    },
    close: () => undefined,
    get ids() {
      return [...tasks.keys()]
    },
    signals,
    outOfMemory: (id) => tasks.get(id)?.outOfMemory(),
    failNext: (step, error) => {
      failures.set(step, error)
    },
    reopen: () => runtimeOf(world),
  }
}

function fail(failures: Map<string, Error>, step: string): void {
  const error = failures.get(step)
  failures.delete(step)
  if (error !== undefined) throw error
}

function programOf({ programs }: World, args: readonly string[]): FakeProgram {
  const name = (args[0] ?? '').split('/').at(-1) ?? ''
  const program = programs[name]
  if (program === undefined)
    throw new RuntimeError('COMMAND_NOT_FOUND', `exec: "${args[0] ?? ''}": executable file not found in $PATH`)
  return program
}

class FakeTask implements Task {
  readonly id: string
  readonly pid: number
  readonly #world: World
  readonly #bundle: Bundle
  readonly #process: FakeProcess
  readonly #execs = new Set<FakeProcess>()
  readonly #exit: Promise<TaskExit>
  #started = false
  #oom = false

  constructor(world: World, bundle: Bundle, stdio: Stdio) {
    this.id = bundle.id
    this.pid = world.pid++
    this.#world = world
    this.#bundle = bundle
    this.#process = new FakeProcess({
      terminal: stdio.terminal,
      stdin: stdio.stdin,
      stdinOnce: stdio.stdinOnce ?? false,
      onOutput: (chunk) => {
        if (stdio.log !== undefined) appendLog(stdio.log, world.clock.now(), chunk)
      },
    })
    this.#exit = this.#process.exit.then((exitCode) => {
      for (const exec of this.#execs) exec.signal(9)
      return { exitCode, oomKilled: this.#oom, at: world.clock.now() }
    })
  }

  attach(options: { stdin?: boolean } = {}): Promise<ReturnType<FakeProcess['attach']>> {
    return Promise.resolve(this.#process.attach({ stdin: options.stdin ?? true }))
  }

  checkpoint(): Promise<void> {
    return Promise.reject(
      new RuntimeError('CRIU_MISSING', `Cannot make a checkpoint of "${this.id}": this runtime is a fake`),
    )
  }

  async start(): Promise<void> {
    fail(this.#world.failures, 'start')
    const { args, env = [] } = this.#bundle.spec.process
    this.#started = true
    this.#process.run(programOf(this.#world, args), { args, env })
  }

  async kill(signal: NodeJS.Signals | number): Promise<void> {
    this.#assertRunning()
    const number = typeof signal === 'number' ? signal : 15
    this.#world.signals.push({ id: this.id, signal: number })
    this.#process.signal(number)
  }

  async exec(...[process, stdio]: Parameters<Task['exec']>): Promise<ExecTask> {
    this.#assertRunning()
    const program = programOf(this.#world, process.args)
    const fake = new FakeProcess({
      terminal: stdio.terminal,
      stdin: stdio.stdin,
      stdinOnce: true,
      onOutput: () => undefined,
    })
    this.#execs.add(fake)
    const attachment = fake.attach({ stdin: stdio.stdin })
    fake.run(program, { args: process.args, env: process.env ?? [] })
    return {
      ...attachment,
      pid: this.#world.pid++,
      wait: async () => ({ exitCode: await fake.exit }),
      kill: async (signal) => fake.signal(typeof signal === 'number' ? signal : 15),
      resize: async () => undefined,
    }
  }

  async pause(): Promise<void> {
    this.#assertRunning()
  }

  async resume(): Promise<void> {
    this.#assertRunning()
  }

  async resize(): Promise<void> {
    this.#assertRunning()
  }

  async update(): Promise<void> {
    this.#assertRunning()
  }

  async stats(): ReturnType<Task['stats']> {
    this.#assertRunning()
    return {
      at: this.#world.clock.now(),
      cpu: {
        total: 1e9,
        user: 6e8,
        system: 4e8,
        periods: 0,
        throttledPeriods: 0,
        throttledTime: 0,
        host: 1e12,
        online: 2,
      },
      memory: { usage: 4_194_304, inactiveFile: 0, limit: undefined, peak: undefined, details: {} },
      pids: { current: 1, limit: undefined },
      io: { readBytes: 0, writeBytes: 0, reads: 0, writes: 0 },
      network: {},
    }
  }

  async pids(): Promise<readonly number[]> {
    return this.#started && !this.#process.over ? [this.pid] : []
  }

  async openRoot(): Promise<number> {
    this.#assertRunning()
    return openSync(this.#bundle.spec.root.path, constants.O_RDONLY | constants.O_DIRECTORY)
  }

  async reopenLog(): Promise<void> {}

  wait(): Promise<TaskExit> {
    return this.#exit
  }

  async delete(): Promise<void> {
    fail(this.#world.failures, 'delete')
    if (!this.#process.over && this.#started) this.#process.signal(9)
    this.#world.tasks.delete(this.id)
  }

  outOfMemory(): void {
    this.#oom = true
    this.#process.signal(9)
  }

  #assertRunning(): void {
    if (!this.#started || this.#process.over)
      throw new RuntimeError('NOT_RUNNING', `Container "${this.id}" is not running`)
  }
}

/** Writes what conmon would: whole lines with F, the rest with P. */
function appendLog(path: string, now: number, { stream, data }: OutputChunk): void {
  const time = new Date(now).toISOString().replace('Z', '000000Z')
  const text = Buffer.from(data).toString()
  const lines = text.split('\n')
  const rest = lines.pop()
  let log = ''
  for (const line of lines) log += `${time} ${stream} F ${line}\n`
  if (rest !== undefined && rest !== '') log += `${time} ${stream} P ${rest}\n`
  appendFileSync(path, log)
}
