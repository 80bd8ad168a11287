export { captiveAddress } from './captive/captive-address.ts'
export { openCaptiveNetwork, type CaptiveNetwork } from './captive/captive-network.ts'
export { diagnose } from './diagnosis/diagnose.ts'
export type { Verdict } from './diagnosis/verdict.ts'
export { cgroup, type CgroupArgs } from './doors/cgroup.ts'
export { directory, type DirectoryArgs } from './doors/directory.ts'
export { file, type FileArgs } from './doors/file.ts'
export { firewallRule, type FirewallRuleArgs } from './doors/firewall-rule.ts'
export { address, linkUp, route } from './doors/inside-link.ts'
export type { AddressArgs, LinkUpArgs, RouteArgs } from './doors/inside-link.ts'
export {
  bridge,
  netns,
  sublink,
  veth,
  type BridgeArgs,
  type NetnsArgs,
  type SublinkArgs,
  type VethArgs,
} from './doors/link.ts'
export { mount, type MountArgs } from './doors/mount.ts'
export { nftElement, nftTable, type NftElementArgs, type NftFamily, type NftTableArgs } from './doors/nft.ts'
export { spawned, spawning, type ProcessArgs } from './doors/process.ts'
export { mountBelow, removeTree } from './doors/remove-tree.ts'
export { shellWords } from './doors/shell-quote.ts'
export { sysctl, type SysctlArgs } from './doors/sysctl.ts'
export { users, type UsersArgs } from './doors/users.ts'
export type { CgroupMode, Host, HostCgroup, HostTool } from './host/host.ts'
export { readProcesses, type ProcessRow } from './host/process-table.ts'
export { readCgroups } from './host/read-cgroups.ts'
export { readHost } from './host/read-host.ts'
export { privilegesOf, readPrivileges, type HostPrivileges } from './host/read-privileges.ts'
export { whyNoMounts, type MountObstacle } from './host/why-no-mounts.ts'
export type { Applied, Change } from './ledger/change.ts'
export { createLedger, type LedgerOptions } from './ledger/create-ledger.ts'
export { BatchError } from './ledger/door.ts'
export type { Batch, BatchChange, Description, Door, DoorContext } from './ledger/door.ts'
export { faultAt, faultsOf, type Faults, type FaultStep } from './ledger/fault.ts'
export type { Json, JsonObject } from './ledger/json.ts'
export { LedgerError, type LedgerErrorCode } from './ledger/ledger-error.ts'
export { ledgerMigrations } from './ledger/ledger-migrations.ts'
export type {
  Consequence,
  Holder,
  Ledger,
  LedgerEntry,
  Owner,
  OwnerState,
  OwnerStatus,
  RecoverReport,
} from './ledger/ledger.ts'
export { siteOf, userOf, type Site, type SiteEnvironment } from './site.ts'
export {
  chmodAt,
  chownAt,
  clearThreadMask,
  close as closeDescriptor,
  createAt,
  linkAt,
  makeNodeAt,
  mkdirAt,
  openAt,
  openBeneath,
  renameAt,
  setTimes,
  setTimesAt,
  symlinkAt,
  unlinkAt,
} from './sys/at.ts'
export { asOwner } from './sys/as-owner.ts'
export { makeDevice, splitDevice } from './sys/device.ts'
export { fileSystemOf, type FileSystem } from './sys/file-system.ts'
export { lockFile, type FileLock } from './sys/lock-file.ts'
export type { MountFlag } from './sys/mount-flags.ts'
export { mountNow, unmountNow, type MountRequest } from './sys/mount.ts'
export { bootId, isAlive, processStartTime, type ProcessIdentity } from './sys/process-identity.ts'
export { originalDestination } from './sys/original-destination.ts'
export { reservePort, type ReservedPort } from './sys/reserve-port.ts'
export { readInRoot } from './sys/read-in-root.ts'
export { connectSeqpacket } from './sys/seqpacket-socket.ts'
export { spawnProcess, type SpawnedProcess, type SpawnProcessRequest } from './sys/spawn-process.ts'
export { mountPlaceOf, type MountPlace } from './sys/statx.ts'
export { errorCode, SystemCallError } from './sys/system-call-error.ts'
export { unmount } from './sys/unmount.ts'
export type { IdRange } from './sys/user-namespace.ts'
export { getAttribute, listAttributes, removeAttribute, setAttribute, setAttributeOf } from './sys/xattr.ts'
export type { Refusal, RefusalError, RefusedPath, RefusedProcess } from './trace/refusal.ts'
export { traceRefusals, type RefusalTrace } from './trace/trace-refusals.ts'
