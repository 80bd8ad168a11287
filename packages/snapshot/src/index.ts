export { directoryTar } from './diff/directory-tar.ts'
export { extractInto, type ExtractIntoOptions } from './tree/extract-into.ts'
export { treeChanges, type TreeChange } from './tree/tree-changes.ts'
export { treeTar, type OwnerMap } from './tree/tree-tar.ts'
export { extractArchive } from './extract/extract-archive.ts'
export { createSnapshots, type SnapshotParts } from './create-snapshots.ts'
export { ownersUnsupported } from './mapped-owners.ts'
export { SnapshotError, type SnapshotErrorCode } from './snapshot-error.ts'
export { snapshotMigrations } from './snapshot-migrations.ts'
export type {
  DiffOptions,
  MappedOwners,
  Prepared,
  PrepareOptions,
  SnapshotGcOptions,
  Snapshots,
  SnapshotUsage,
  UnpackOptions,
  UnpackProgress,
} from './snapshots.ts'
