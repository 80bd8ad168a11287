export { createNetworks, type NetworksParts } from './create-networks.ts'
export { defaultNetwork } from './network-definitions.ts'
export {
  hostnameFile,
  hostResolvConf,
  hostsFile,
  parseResolvConf,
  resolvConf,
  type HostsOptions,
  type ResolvConfOptions,
} from './container-files.ts'
export { openEgress, type EgressGateway, type EgressOptions, type ReachedHost } from './egress/egress-gateway.ts'
export type { FirewallReport, ReportedPort, ReportedRule } from './firewall/firewall-report.ts'
export { hostObstacles } from './firewall/host-obstacles.ts'
export { networkDoors } from './network-doors.ts'
export { networkChecks } from './network-checks.ts'
export { NetworkError, type NetworkErrorCode } from './network-error.ts'
export { tableName } from './firewall-rules.ts'
export { networkMigrations } from './network-migrations.ts'
export type {
  ConnectRequest,
  Endpoint,
  EndpointRecord,
  Network,
  NetworkDriver,
  NetworkCheck,
  NetworkOptions,
  Networks,
  PortMapping,
  PublishedPort,
  PublishMode,
} from './networks.ts'
