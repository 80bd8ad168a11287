export type { EgressRules } from './egress/host-rules.ts'
export { cacheBudget, keepCacheBudget, setCacheBudget } from './cache/cache-budget.ts'
export type { RunLimits } from './run-limits.ts'
export { describeUse, type NetworkUse } from './egress/network-use.ts'
export { build } from './build.ts'
export { BuildError, type BuildErrorCode, type BuildErrorDetails, type RunFailure } from './build-error.ts'
export type { CacheTarget } from './cache/export-cache.ts'
export type { CacheSource } from './cache/import-cache.ts'
export { type CacheEntry, listCache } from './cache/list-cache.ts'
export { pruneCache, type PruneCacheOptions, type PrunedCache } from './cache/prune-cache.ts'
export { builderMigrations } from './builder-migrations.ts'
export type { FailedRun } from './failed-run.ts'
export { readIgnoreFile } from './read-inputs.ts'
export type { BuildEvent, BuildStep, PlannedStageInfo } from './events.ts'
export { type BuildInspection, inspectBuild } from './inspect-build.ts'
export {
  type AttestOptions,
  type BuildOptions,
  type BuildResult,
  type ContextSource,
  fixedEpoch,
  type SecretSource,
  type SshSource,
} from './options.ts'
export type { LayerDifference } from './verify/compare-layers.ts'
export { type BuildDifference, describeDifference, type Verification, verifyBuild } from './verify/verify-build.ts'
export { describeReason } from './why/describe-reason.ts'
export type { StepChange, StepReason } from './why/step-reason.ts'
export type { BuilderPorts, ResolveImageOptions } from './ports.ts'
export { sbomTypes, type SbomFormat } from './attest/sbom.ts'
export {
  parseBaseFile,
  type DeclaredBase,
  type DeclaredFile,
  type DeclaredSource,
  type DeclaredUser,
} from './base/declared/base-file.ts'
export {
  declarationKey,
  formatLock,
  lockPath,
  parseLock,
  type BaseLock,
  type LockedArchitecture,
  type LockedNode,
  type LockedPackage,
} from './base/declared/base-lock.ts'
export {
  buildDeclared,
  type DeclaredOptions,
  type DeclaredPorts,
  type DeclaredResult,
} from './base/declared/build-declared.ts'
export { compareLocks, type LockChange } from './base/declared/compare-locks.ts'
export type { SkippedScript } from './base/declared/effects/apply-effects.ts'
export { lockBase, type LockOptions } from './base/declared/lock-base.ts'
export { baseNames, buildBase, type BaseResult, isBaseName } from './base/build-base.ts'
export { BaseError, type BaseErrorCode } from './base/base-error.ts'
export type { BaseEvent, BaseName } from './base/base-event.ts'
export type { BaseOptions, BasePorts } from './base/base-ports.ts'
export { buildNode } from './node/build-node.ts'
export type { NodeBuildOptions, NodeBuildResult, NodePackage } from './node/node-options.ts'
