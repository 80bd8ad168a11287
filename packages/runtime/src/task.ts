import type { Owner } from '@gantry/linux'
import type { ProcessSpec, ResourcesSpec, RuntimeSpec } from './spec/runtime-spec.ts'

/** Makes containers and finds them again. One of these for each kind of isolation; all pass the same contract suite. */
export interface Runtime {
  /** Name of the OCI runtime, such as `runc`. */
  readonly name: string
  /** What it can do on this host. */
  features(): RuntimeFeatures
  /**
   * Makes a container that waits for {@link Task.start}; its process exists but has not run a single instruction of the image.
   * Writes config.json into the bundle. Everything made is recorded in the ledger under `owner`; on failure nothing is left.
   * @throws RuntimeError COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, WORKING_DIRECTORY_INVALID, MOUNT_FAILED, HOST_DENIED, TASK_EXISTS,
   *   RUNTIME_MISSING, MONITOR_MISSING, CREATE_FAILED; CRIU_MISSING, CHECKPOINT_FAILED with `restore`
   */
  create(bundle: Bundle, stdio: Stdio, options: CreateOptions): Promise<Task>
  /** Tells a ledger that makes nothing what `create` would make. Absent where a runtime cannot say. */
  rehearse?(bundle: Bundle, options: CreateOptions): Promise<void>
  /** Finds a container that another process of Gantry made, from what is on disk; undefined if there is none. */
  open(id: string): Promise<Task | undefined>
  /** Runs a bundle to its end without a monitor, for build steps. Nothing of the container is left afterwards, whatever happens. */
  runOnce(bundle: Bundle, options: RunOnceOptions): Promise<TaskExit>
  /** Stops watching; containers go on. Idempotent. */
  close(): void
}

/** What a runtime can do on this host. */
export interface RuntimeFeatures {
  readonly pause: boolean
  readonly checkpoint: boolean
  /** Limits can be changed while the container runs. */
  readonly update: boolean
}

/** A directory with a configuration, and the name of what is made from it. */
export interface Bundle {
  readonly id: string
  /** Absolute; the caller makes and removes it. */
  readonly directory: string
  readonly spec: RuntimeSpec
}

/** Where a container's input comes from and its output goes. */
export interface Stdio {
  readonly terminal: boolean
  /** Whether there is an input at all; without it the container reads end of file. */
  readonly stdin: boolean
  /** The input ends when the first client that gave it does. Default: false. */
  readonly stdinOnce?: boolean
  /** Absolute path of the log in k8s-file form; undefined keeps none. */
  readonly log: string | undefined
  /** Bytes after which the monitor goes on to another file in the log's place by itself. Default: never. */
  readonly logSizeMax?: number
  /** Output goes to the system's journal too, under this name. */
  readonly journal?: string
  /** Descriptors that the monitor keeps open as long as the container lives: reserved ports. */
  readonly preserveFds?: readonly number[]
}

/** Options of {@link Runtime.create}. */
export interface CreateOptions {
  readonly owner: Owner
  readonly signal?: AbortSignal
  /** Directory of a checkpoint: its processes go on where they were, at once; there is no {@link Task.start} for them then. */
  readonly restore?: string
}

/** How a container is written down. */
export interface CheckpointOptions {
  /** Absolute; it is made. */
  readonly directory: string
  /** The processes go on afterwards. Default: false, they end. */
  readonly leaveRunning?: boolean
  /** Take connected TCP sockets along, which can be made again only under the same address. Default: false, they are refused. */
  readonly tcpEstablished?: boolean
}

/** A container's main process and what can be done with it. */
export interface Task {
  readonly id: string
  /** The main process, in the host's numbers. */
  readonly pid: number
  /** Connects to its output, and input if it has one. Before `start` no byte is missed. @throws RuntimeError ATTACH_FAILED */
  attach(options?: AttachOptions): Promise<Attachment>
  /** Lets the process run. @throws RuntimeError START_FAILED, NOT_RUNNING */
  start(): Promise<void>
  /** Sends a signal to the main process. @throws RuntimeError NOT_RUNNING */
  kill(signal: NodeJS.Signals | number): Promise<void>
  /** Runs another program inside. @throws RuntimeError NOT_RUNNING, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, EXEC_FAILED */
  exec(process: ProcessSpec, stdio: ExecStdio): Promise<ExecTask>
  /** Stops all processes where they are. @throws RuntimeError NOT_RUNNING, COMMAND_FAILED */
  pause(): Promise<void>
  /** Lets them go on. @throws as {@link pause} */
  resume(): Promise<void>
  /** Sets the size of the terminal; without one nothing happens. @throws RuntimeError NOT_RUNNING */
  resize(height: number, width: number): Promise<void>
  /**
   * Writes its processes to files, from which {@link Runtime.create} makes them again. On failure they go on and nothing is left.
   * @throws RuntimeError NOT_RUNNING, CRIU_MISSING, CHECKPOINT_FAILED
   */
  checkpoint(options: CheckpointOptions): Promise<void>
  /** Changes limits. @throws RuntimeError NOT_RUNNING, COMMAND_FAILED */
  update(resources: ResourcesSpec): Promise<void>
  /** Use of processor, memory, processes, disk and network. @throws RuntimeError NOT_RUNNING */
  stats(): Promise<TaskStats>
  /** The processes inside, in the host's numbers; none once it has ended. */
  pids(): Promise<readonly number[]>
  /** Opens the root directory as its processes see it, with everything that is mounted there, as a reference (O_PATH); the caller
   * closes it. @throws RuntimeError NOT_RUNNING */
  openRoot(): Promise<number>
  /** Opens the log anew after its file was renamed. */
  reopenLog(): Promise<void>
  /** Settles when the container has ended, at once if it has already; may be called often. Never rejects unless the signal fires. */
  wait(options?: { readonly signal?: AbortSignal }): Promise<TaskExit>
  /** Ends the container if it lives and removes what the runtime keeps of it. Idempotent. @throws RuntimeError DELETE_FAILED */
  delete(): Promise<void>
}

/** How a container ended. */
export interface TaskExit {
  /** The process's own, or 128 and the signal's number. */
  readonly exitCode: number
  /** Whether the kernel ended one of its processes for want of memory. */
  readonly oomKilled: boolean
  /** Milliseconds since 1970. */
  readonly at: number
  /** The monitor died, and the container was ended because nobody could hear it any more. */
  readonly monitorLost?: boolean
}

/** Options of {@link Task.attach}. */
export interface AttachOptions {
  /** This client gives the input: with `stdinOnce` the container's input ends when it closes. Default: true. */
  readonly stdin?: boolean
  /**
   * Milliseconds that the container may wait for a client whose buffer (1 MiB) is full and which takes nothing; then the client is
   * cut off with ATTACH_OVERFLOW. Default: 10 000; 0 cuts off at once.
   */
  readonly stallLimit?: number
}

/** One piece of output. A terminal has one stream, `stdout`. */
export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr'
  readonly data: Uint8Array
}

/** A client's connection to a container's input and output. */
export interface Attachment {
  /** Ends when the container does, or on {@link close}. May be iterated once. Fails with ATTACH_OVERFLOW when the client is cut off. */
  readonly output: AsyncIterable<OutputChunk>
  /** Writes input in order; resolves when the monitor has it. @throws RuntimeError ATTACH_FAILED when the container is gone */
  write(data: Uint8Array): Promise<void>
  /** No more input from this client. */
  end(): void
  /** Detaches. The container goes on. Idempotent. */
  close(): void
}

/** How a program that is executed inside is connected. */
export interface ExecStdio {
  readonly terminal: boolean
  readonly stdin: boolean
  /** Nobody reads it: its output is dropped. Default: false. */
  readonly detached?: boolean
}

/** A further program in a container. */
export interface ExecTask extends Attachment {
  /** In the host's numbers. */
  readonly pid: number
  /** Settles before `output` ends. @throws RuntimeError EXEC_FAILED when its monitor died */
  wait(): Promise<{ readonly exitCode: number }>
  kill(signal: NodeJS.Signals | number): Promise<void>
  resize(height: number, width: number): Promise<void>
}

/** Options of {@link Runtime.runOnce}. */
export interface RunOnceOptions {
  /** Records what is made; without it the caller's own undo does not know of this container. */
  readonly owner?: Owner
  readonly stdin?: AsyncIterable<Uint8Array> | Uint8Array
  /** The container has this process's terminal, and its specification asks for one; no output is handed on. Default: false. */
  readonly terminal?: boolean
  /** Called for each piece of output, in order; the container waits while a promise is pending. */
  readonly onOutput?: (chunk: OutputChunk) => void | Promise<void>
  /** Ends the container; the call then rejects with ABORTED. */
  readonly signal?: AbortSignal
}

/** What a container uses. Times in nanoseconds, sizes in bytes. */
export interface TaskStats {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly cpu: {
    readonly total: number
    readonly user: number
    readonly system: number
    readonly periods: number
    readonly throttledPeriods: number
    readonly throttledTime: number
    /** Time of all processors of the host since it started. */
    readonly host: number
    readonly online: number
  }
  readonly memory: {
    readonly usage: number
    /** What could be given back: page cache that nobody uses. */
    readonly inactiveFile: number
    /** Undefined: no limit. */
    readonly limit: number | undefined
    readonly peak: number | undefined
    readonly details: Readonly<Record<string, number>>
  }
  readonly pids: { readonly current: number; readonly limit: number | undefined }
  readonly io: {
    readonly readBytes: number
    readonly writeBytes: number
    readonly reads: number
    readonly writes: number
  }
  readonly network: Readonly<Record<string, InterfaceStats>>
}

/** Counters of one link of a container. */
export interface InterfaceStats {
  readonly rxBytes: number
  readonly rxPackets: number
  readonly rxErrors: number
  readonly rxDropped: number
  readonly txBytes: number
  readonly txPackets: number
  readonly txErrors: number
  readonly txDropped: number
}
