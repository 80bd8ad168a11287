export { createRuntime, type RuntimeParts } from './create-runtime.ts'
export { RuntimeError, type RuntimeErrorCode, type RuntimeErrorOptions } from './runtime-error.ts'
export type {
  Attachment,
  AttachOptions,
  Bundle,
  CheckpointOptions,
  CreateOptions,
  ExecStdio,
  ExecTask,
  InterfaceStats,
  OutputChunk,
  RunOnceOptions,
  Runtime,
  RuntimeFeatures,
  Stdio,
  Task,
  TaskExit,
  TaskStats,
} from './task.ts'
export type {
  CapabilitiesSpec,
  BlockIoSpec,
  DeviceRate,
  DeviceRule,
  DeviceSpec,
  HookSpec,
  IdMapping,
  LinuxSeccomp,
  LinuxSpec,
  LinuxSyscall,
  MountSpec,
  NamespaceSpec,
  ProcessSpec,
  ResourcesSpec,
  RlimitSpec,
  RuntimeSpec,
  UserSpec,
} from './spec/runtime-spec.ts'
export {
  allCapabilities,
  capabilitiesOf,
  capabilityMask,
  defaultCapabilities,
  effectiveCapabilities,
  type CapabilityChanges,
} from './spec/capabilities.ts'
export { consequencesOf } from './spec/consequences.ts'
export { defaultMounts, fileMounts, type ContainerFiles } from './spec/default-mounts.ts'
export { defaultSpec, type NamespaceChoice, type SpecHost, type SpecOptions } from './spec/default-spec.ts'
export { availableCapabilities, limitsSwap, type SwapHost } from './spec/host-limits.ts'
export { maskedPaths, readonlyPaths } from './spec/hidden-paths.ts'
export {
  defaultPath,
  imageProcess,
  mergeEnv,
  withHome,
  type ImageProcess,
  type ImageProcessConfig,
  type ProcessOverrides,
} from './spec/image-process.ts'
export { textInRoot } from './spec/text-in-root.ts'
export { subordinateIds } from './spec/rootless-spec.ts'
export { resolveUser, type ResolvedUser } from './spec/resolve-user.ts'
export { defaultDeviceRules, resources, type ResourceLimits } from './spec/resources.ts'
export { findDevices, gpuKind, type ContainerDevices } from './cdi/find-devices.ts'
export { dockerProfile } from './seccomp/docker-profile.ts'
export { linuxSeccomp, type SeccompTarget } from './seccomp/linux-seccomp.ts'
export { seccompAnswer, type SeccompAnswer } from './seccomp/seccomp-answer.ts'
export { parseSeccompProfile } from './seccomp/parse-profile.ts'
export type { SeccompArgument, SeccompFilter, SeccompProfile, SeccompRule } from './seccomp/seccomp-profile.ts'
export { parseLogLine, type LogEntry } from './logs/log-line.ts'
export { monitorLimit, prepareLog, type LogLimits } from './logs/log-files.ts'
export { LogKeeper } from './logs/log-keeper.ts'
export { readLog, type ReadLogOptions } from './logs/read-log.ts'
