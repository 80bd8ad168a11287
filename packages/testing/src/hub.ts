export { authorityMissing, privateAuthority, type PrivateAuthority } from './hub/private-authority.ts'
export { hubHosts, hubLike, type HubLike, type HubOptions, type HubRequest } from './hub/hub-like.ts'
export { testProxy, type TestProxy, type TestProxyOptions } from './hub/test-proxy.ts'
