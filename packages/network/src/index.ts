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
export { forwardingDoor } from './forwarding.ts'
export { networkChecks } from './network-checks.ts'
export { NetworkError, type NetworkErrorCode } from './network-error.ts'
export { networkMigrations } from './network-migrations.ts'
export type {
  ConnectRequest,
  Endpoint,
  EndpointRecord,
  Network,
  NetworkCheck,
  NetworkOptions,
  Networks,
  PortMapping,
  PublishedPort,
} from './networks.ts'
