export { systemClock, type Clock } from './clock.ts'
export type { HealthAction, HealthCheck, HealthRequest, HealthResult, HealthState } from './container/health.ts'
export type { ExitInfo } from './container/live.ts'
export { isName, newId, shortId } from './container/identity.ts'
export { chooseLog, type LogDefault } from './container/log-choice.ts'
export {
  containerOwner,
  runOwner,
  type ContainerRecord,
  type EndpointRecord,
  type ImageOfContainer,
  type Progress,
} from './container/record.ts'
export type {
  ContainerMount,
  ContainerSpec,
  CreateRequest,
  MountRequest,
  NamespaceChoice,
  NetworkAttachment,
  NetworkChoice,
  PublishedPort,
  Resources,
  RestartPolicy,
  SecretUse,
  Security,
} from './container/spec.ts'
export { canMove, isAlive, nextStatus, type Move, type Status } from './container/status.ts'
export type { EnginePorts, Stage } from './context.ts'
export { EngineError, type EngineErrorCode } from './engine-error.ts'
export { createEngine, type Engine } from './engine.ts'
export type { EventQuery } from './events/event-log.ts'
export type { EngineEvent, NewEvent } from './events/event.ts'
export type { ExecRecord, ExecRequest } from './exec/exec-table.ts'
export type { ContentUsage, ImageUsage } from './images/content-usage.ts'
export type { ImageLookup, LocalImage } from './images/image-lookup.ts'
export { engineMigrations } from './migrations.ts'
export type { ExtractOptions, PathStat } from './verbs/archive.ts'
export type { CheckpointRequest } from './verbs/checkpoint.ts'
export type { StartOptions } from './verbs/start.ts'
export type { CommitOptions } from './verbs/commit.ts'
export { applyChanges } from './images/apply-changes.ts'
export type { CommitRequest } from './images/commit-image.ts'
export type { AttachedStream, AttachOptions } from './verbs/attach.ts'
export type { ContainerExplanation } from './verbs/explain.ts'
export { flagOf, type Remedy } from './denial/remedy.ts'
export type { RefusedBy, Verdict } from './denial/judge.ts'
export type { JudgedRefusal, ObservedRun, Proof, WhyDenied, WhyDeniedOptions } from './verbs/why-denied.ts'
export type { PlannedRun } from './verbs/plan-run.ts'
export type { Comparison, Difference } from './verbs/compare.ts'
export { parseSignal } from './verbs/kill.ts'
export type { ContainerFilter, ListOptions } from './verbs/list.ts'
export type { LogEntries, LogsOptions } from './verbs/logs.ts'
export type { Recovered } from './verbs/recover.ts'
export type { RemoveOptions } from './verbs/remove.ts'
export type { StopOptions } from './verbs/stop.ts'
export type { ContainerEdit, EditEffects } from './container/edit.ts'
export type { Updated } from './verbs/update.ts'
export type { WaitCondition } from './verbs/wait.ts'
export type { VolumeRecord, VolumeRequest } from './volumes/volume-table.ts'
export type { ImageDetails, ImageRemoval, TransferEvent } from './images/image-details.ts'
export {
  createImages,
  type ImageParts,
  type Images,
  type RegistryCredentials,
  type RemoteRepository,
  type TransferOptions,
} from './images/images.ts'
export type { RemoveImageOptions } from './images/remove-image.ts'
export type { SecretRecord } from './secrets/secret-store.ts'
