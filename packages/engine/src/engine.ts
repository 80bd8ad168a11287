import type { EnginePorts, Context } from './context.ts'
import { LiveContainers, type ExitInfo } from './container/live.ts'
import type { ContainerEdit } from './container/edit.ts'
import { defaultLog, withDefaultLog, type LogDefault } from './container/log-choice.ts'
import type { ContainerRecord } from './container/record.ts'
import type { CreateRequest, NetworkAttachment } from './container/spec.ts'
import { ContainerTable } from './container/table.ts'
import type { EngineEvent } from './events/event.ts'
import { EventLog, type EventQuery } from './events/event-log.ts'
import { ExecTable, type ExecRecord, type ExecRequest } from './exec/exec-table.ts'
import { extractArchiveAt, readPath, statPath, type ExtractOptions, type PathStat } from './verbs/archive.ts'
import { attach, type AttachOptions, type AttachedStream } from './verbs/attach.ts'
import { changes } from './verbs/changes.ts'
import { createCheckpoint, listCheckpoints, removeCheckpoint, type CheckpointRequest } from './verbs/checkpoint.ts'
import { commit, type CommitOptions } from './verbs/commit.ts'
import { compare, type Comparison } from './verbs/compare.ts'
import { create } from './verbs/create.ts'
import { createExec, inspectExec, resizeExec, startExec } from './verbs/exec.ts'
import { explain, type ContainerExplanation } from './verbs/explain.ts'
import { exportContainer } from './verbs/export-container.ts'
import { kill } from './verbs/kill.ts'
import { list, type ListOptions } from './verbs/list.ts'
import { logs, type LogsOptions } from './verbs/logs.ts'
import { connectNetwork, disconnectNetwork } from './verbs/network.ts'
import { pause, unpause } from './verbs/pause.ts'
import { pruneContainers, pruneVolumes } from './verbs/prune.ts'
import { recover, type Recovered } from './verbs/recover.ts'
import { remove, type RemoveOptions } from './verbs/remove.ts'
import { rename } from './verbs/rename.ts'
import { resize } from './verbs/resize.ts'
import { restart } from './verbs/restart.ts'
import { start, type StartOptions } from './verbs/start.ts'
import { stats } from './verbs/stats.ts'
import { stop, type StopOptions } from './verbs/stop.ts'
import { top } from './verbs/top.ts'
import { update, type Updated } from './verbs/update.ts'
import { createVolume, removeVolume, volumeUsers } from './verbs/volumes.ts'
import { whyDenied, type WhyDenied, type WhyDeniedOptions } from './verbs/why-denied.ts'
import { planRun, type PlannedRun } from './verbs/plan-run.ts'
import { wait, type WaitCondition } from './verbs/wait.ts'
import { SecretStore, type SecretRecord } from './secrets/secret-store.ts'
import { createSecret, removeSecret } from './verbs/secrets.ts'
import { VolumeTable, type VolumeRecord, type VolumeRequest } from './volumes/volume-table.ts'

type Tail<F> = F extends (context: Context, ...rest: infer Rest) => unknown ? Rest : never

/** Containers on one machine. A container is named by its id, the beginning of one, or its name. Every method's contract stands with
 * the function of its name. */
export interface Engine {
  recover(): Promise<Recovered>
  create(request: CreateRequest): Promise<ContainerRecord>
  start(container: string, options?: StartOptions): Promise<boolean>
  createCheckpoint(container: string, request: CheckpointRequest): Promise<void>
  listCheckpoints(container: string, directory?: string): readonly string[]
  removeCheckpoint(...rest: Tail<typeof removeCheckpoint>): Promise<void>
  stop(container: string, options?: StopOptions): Promise<boolean>
  restart(container: string, options?: StopOptions): Promise<void>
  kill(container: string, signal?: string): Promise<void>
  wait(container: string, condition: WaitCondition): { result: Promise<ExitInfo> }
  remove(container: string, options?: RemoveOptions): Promise<void>
  pause(container: string): Promise<void>
  unpause(container: string): Promise<void>
  rename(container: string, name: string): Promise<void>
  connectNetwork(container: string, attachment: NetworkAttachment): Promise<void>
  disconnectNetwork(container: string, network: string): Promise<void>
  update(container: string, edit: ContainerEdit): Promise<Updated>
  attach(container: string, options?: AttachOptions): Promise<AttachedStream>
  logs(container: string, options?: LogsOptions): ReturnType<typeof logs>
  resize(container: string, size: { height: number; width: number }): Promise<void>
  list(options?: ListOptions): readonly ContainerRecord[]
  inspect(container: string): ContainerRecord
  /** Bytes that a container has written to its root file system. */
  usage(container: string): Promise<number>
  top(container: string, psArguments?: string): ReturnType<typeof top>
  stats(container: string): ReturnType<typeof stats>
  explain(container: string): ContainerExplanation
  planRun(request: CreateRequest): Promise<PlannedRun>
  compare(container: string, other: string): Comparison
  whyDenied(container: string, options?: WhyDeniedOptions): Promise<WhyDenied>
  changes(container: string): ReturnType<typeof changes>
  commit(container: string, options?: CommitOptions): ReturnType<typeof commit>
  export(container: string): AsyncIterable<Uint8Array>
  statPath(container: string, path: string): Promise<PathStat>
  readPath(container: string, path: string): ReturnType<typeof readPath>
  extractArchive(container: string, archive: AsyncIterable<Uint8Array>, options: ExtractOptions): Promise<void>
  createExec(container: string, request: ExecRequest): string
  startExec(...rest: Tail<typeof startExec>): Promise<AttachedStream>
  inspectExec(exec: string): Readonly<ExecRecord>
  resizeExec(exec: string, size: { height: number; width: number }): Promise<void>
  /** Ids of the further processes of a container. */
  execsOf(container: string): readonly string[]
  events(query?: EventQuery): AsyncIterable<EngineEvent>
  /** Where output goes when a container does not say. */
  readonly defaultLog: LogDefault
  /** How many watch events now. */
  readonly watchers: number
  /** Records what another part of the daemon did, such as making a network. */
  emit: EventLog['emit']
  createVolume(request: VolumeRequest): VolumeRecord
  listVolumes(): readonly VolumeRecord[]
  inspectVolume(name: string): VolumeRecord
  removeVolume(name: string, options?: { force?: boolean }): void
  pruneContainers(...rest: Tail<typeof pruneContainers>): ReturnType<typeof pruneContainers>
  pruneVolumes(...rest: Tail<typeof pruneVolumes>): ReturnType<typeof pruneVolumes>
  createSecret(...rest: Tail<typeof createSecret>): SecretRecord
  listSecrets(): readonly SecretRecord[]
  inspectSecret(name: string): SecretRecord
  removeSecret(name: string): void
  /** Where a volume's data is. */
  volumePath(name: string): string
  /** Ids of the containers that are made with a volume. */
  volumeUsers(name: string): readonly string[]
}

/** Makes an engine over the floors below. Reads the table of containers; nothing is recovered or started before `recover`. */
export function createEngine(ports: EnginePorts): Engine {
  const { state, site, clock } = ports
  const context: Context = {
    ...ports,
    containers: new ContainerTable(state),
    live: new LiveContainers(),
    execs: new ExecTable(clock),
    volumes: new VolumeTable({ state, root: site.root, clock }),
    secrets: new SecretStore({ root: site.root, clock }),
    events: new EventLog(state, clock),
  }
  const complete = (request: CreateRequest): CreateRequest => {
    const log = withDefaultLog(request.log, ports.defaultLog?.())
    return log === undefined ? request : { ...request, log }
  }
  return {
    recover: () => recover(context),
    create: (request) => create(context, complete(request)),
    start: (container, options) => start(context, container, options),
    createCheckpoint: (container, request) => createCheckpoint(context, container, request),
    listCheckpoints: (container, directory) => listCheckpoints(context, container, directory),
    removeCheckpoint: (...rest) => removeCheckpoint(context, ...rest),
    stop: (container, options) => stop(context, container, options),
    restart: (container, options) => restart(context, container, options),
    kill: (container, signal) => kill(context, container, signal),
    wait: (container, condition) => wait(context, container, condition),
    remove: (container, options) => remove(context, container, options),
    pause: (container) => pause(context, container),
    unpause: (container) => unpause(context, container),
    rename: (container, name) => rename(context, container, name),
    connectNetwork: (container, attachment) => connectNetwork(context, container, attachment),
    disconnectNetwork: (container, network) => disconnectNetwork(context, container, network),
    update: (container, edit) => update(context, container, edit),
    attach: (container, options) => attach(context, container, options),
    logs: (container, options) => logs(context, container, options),
    resize: (container, size) => resize(context, container, size),
    list: (options) => list(context, options),
    inspect: (container) => context.containers.find(container),
    usage: (container) => context.snapshots.usage(context.containers.find(container).id),
    top: (container, psArguments) => top(context, container, psArguments),
    stats: (container) => stats(context, container),
    explain: (container) => explain(context, container),
    planRun: (request) => planRun(context, complete(request)),
    compare: (container, other) => compare(context, container, other),
    whyDenied: (container, options) => whyDenied(context, container, options),
    changes: (container) => changes(context, container),
    commit: (container, options) => commit(context, container, options),
    export: (container) => exportContainer(context, container),
    statPath: (container, path) => statPath(context, container, path),
    readPath: (container, path) => readPath(context, container, path),
    extractArchive: (container, archive, options) => extractArchiveAt(context, container, { options, archive }),
    createExec: (container, request) => createExec(context, container, request),
    startExec: (...rest) => startExec(context, ...rest),
    inspectExec: (exec) => inspectExec(context, exec),
    resizeExec: (exec, size) => resizeExec(context, exec, size),
    execsOf: (container) => context.execs.of(context.containers.find(container).id).map(({ id }) => id),
    events: (query) => context.events.watch(query),
    get defaultLog() {
      return ports.defaultLog?.() ?? { driver: defaultLog.driver, options: {} }
    },
    get watchers() {
      return context.events.watchers
    },
    emit: (event) => context.events.emit(event),
    createVolume: (request) => createVolume(context, request),
    listVolumes: () => context.volumes.all(),
    inspectVolume: (name) => context.volumes.find(name),
    removeVolume: (name, options) => removeVolume(context, name, options),
    pruneContainers: (options) => pruneContainers(context, options),
    pruneVolumes: (options) => pruneVolumes(context, options),
    createSecret: (request) => createSecret(context, request),
    listSecrets: () => context.secrets.all(),
    inspectSecret: (name) => context.secrets.find(name),
    removeSecret: (name) => removeSecret(context, name),
    volumePath: (name) => context.volumes.path(name),
    volumeUsers: (name) => volumeUsers(context, name),
  }
}
