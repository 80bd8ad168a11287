import { proxyArgs } from '@gantry/dockerfile'
import { type EgressGateway, openEgress } from '@gantry/network'
import { BuildError } from '../build-error.ts'
import type { BuildSession } from '../build-session.ts'
import { distinctUses, type NetworkUse } from './network-use.ts'

/** The network of one RUN, watched over. */
export interface StepEgress extends AsyncDisposable {
  /** The network namespace. */
  readonly path: string
  readonly nameserver: string
  /** What was reached, or refused, when the RUN has ended. */
  uses(): Promise<readonly NetworkUse[]>
}

/** Opens the network of a RUN whose hosts are recorded or restricted. @throws BuildError RUN_UNAVAILABLE */
export async function openStepEgress(session: BuildSession, onUse: (use: NetworkUse) => void): Promise<StepEgress> {
  const { egress, addHosts, buildArgs, environment } = session.options
  const seen = new Map<string, NetworkUse>()
  const gateway: EgressGateway = await openEgress({
    allows: (host, port) => egress?.allows(host, port) ?? true,
    known: Object.fromEntries(Object.entries(addHosts).map(([name, address]) => [address, name.toLowerCase()])),
    proxies: [...proxyArgs].flatMap((name) => proxyOf(buildArgs.get(name) ?? environment[name]) ?? []),
    onReached: (use) => {
      const key = JSON.stringify([use.host, use.port, use.protocol, use.allowed])
      if (seen.has(key) || seen.size >= mostUses) return
      seen.set(key, use)
      onUse(use)
    },
  }).catch((cause: unknown) => {
    const { message, hint } = cause as { readonly message: string; readonly hint?: string }
    throw new BuildError('RUN_UNAVAILABLE', message, { cause, ...(hint === undefined ? {} : { hint }) })
  })
  return {
    path: gateway.path,
    nameserver: gateway.nameserver,
    uses: async () => {
      await gateway.tellRefused()
      return distinctUses(seen.values())
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}

const mostUses = 10_000

/** `host:port` of a proxy that is spoken to in plain HTTP. */
function proxyOf(value: string | undefined): string | undefined {
  const url = value === undefined || value === '' ? null : URL.parse(value.includes('://') ? value : `http://${value}`)
  if (url?.protocol !== 'http:') return undefined
  return `${url.hostname.toLowerCase()}:${url.port === '' ? '80' : url.port}`
}
