import type { ConnectRequest } from '@gantry/network'
import { shortId } from '../container/identity.ts'
import type { ContainerRecord } from '../container/record.ts'
import type { NetworkAttachment } from '../container/spec.ts'

/** What the network is asked for to connect a container; without published ports. */
export function connectRequest(
  { id, name, spec }: ContainerRecord,
  { network, aliases, address, address6, mac, gatewayPriority }: NetworkAttachment,
  {
    owner,
    netns,
    users,
  }: { readonly owner: string; readonly netns: string | undefined; readonly users?: string | undefined },
): ConnectRequest {
  return {
    owner,
    container: { id, name, hostname: spec.hostname, aliases: [...aliases, shortId(id)] },
    network,
    ...(spec.publishMode === undefined ? {} : { publishMode: spec.publishMode }),
    ...(address === undefined ? {} : { ip: address }),
    ...(address6 === undefined ? {} : { ip6: address6 }),
    ...(mac === undefined ? {} : { mac }),
    ...(gatewayPriority === undefined ? {} : { gatewayPriority }),
    ...(netns === undefined ? {} : { netns }),
    ...(users === undefined ? {} : { users }),
  }
}
