export {
  address,
  bridge,
  cgroup,
  directory,
  file,
  firewallRule,
  linkUp,
  mount,
  netns,
  nftElement,
  nftTable,
  route,
  spawned,
  spawning,
  sysctl,
  veth,
} from './doors/changes.ts'
export type {
  AddressArgs,
  BridgeArgs,
  CgroupArgs,
  DirectoryArgs,
  FileArgs,
  FirewallRuleArgs,
  LinkUpArgs,
  MountArgs,
  MountFlag,
  NetnsArgs,
  NftElementArgs,
  NftTableArgs,
  ProcessArgs,
  RouteArgs,
  SysctlArgs,
  VethArgs,
} from './doors/changes.ts'
export type { CgroupMode, Host, HostCgroup, HostTool } from './host/host.ts'
export type { Applied, Change } from './ledger/change.ts'
export { BatchError } from './ledger/door.ts'
export type { Batch, BatchChange, Description, Door, DoorContext } from './ledger/door.ts'
export type { Json, JsonObject } from './ledger/json.ts'
export { LedgerError, type LedgerErrorCode } from './ledger/ledger-error.ts'
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
export { siteOf, type Site, type SiteEnvironment } from './site.ts'
