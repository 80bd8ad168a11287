import type { EndpointRecord } from '../networks.ts'
import type { Forward } from './forward-list.ts'

/** The ports of endpoints that a process passes on. A container without an address of the host's family is reached by the other. */
export function forwardsOf(endpoints: readonly Pick<EndpointRecord, 'ip' | 'ports'>[]): readonly Forward[] {
  return endpoints.flatMap(({ ip, ports }) =>
    ports.flatMap(({ hostIp, hostPort, containerPort, protocol, proxy }): Forward[] =>
      proxy === true && protocol !== 'sctp' ? [{ protocol, hostIp, hostPort, ip, port: containerPort }] : [],
    ),
  )
}
