import { lookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { promisify } from 'node:util'
import { isPrivateAddress } from './private-address.ts'
import type { HttpRequest, Transport } from './transport.ts'

const lookupAll = promisify(lookup)

/** That a registry led to where it has no business. */
export class FenceError extends Error {
  override readonly name: string = 'FenceError'
  readonly code: string = 'PRIVATE_ADDRESS'
}

/**
 * A transport that a registry of the internet cannot lead to this machine or into its network, by redirects or as its token service:
 * what answers there trusts whoever reaches it. A registry that is inside itself may.
 *
 * @param mayLead registries, by their endpoints, that may lead anywhere
 */
export function fenced(transport: Transport, mayLead: (endpoint: URL) => boolean): Transport {
  return async (request: HttpRequest) => {
    const { ledBy, ...free } = request
    if (ledBy === undefined || ledBy.origin === request.url.origin || mayLead(ledBy)) return transport(free)
    if (isPrivateAddress(request.url.hostname) && !(await isInside(ledBy.hostname))) throw refusal(request.url.hostname)
    return transport(request)
  }
}

/** Looks names up, and answers no private address to whom a registry outside has led. */
export function fencedLookup(ledBy: URL): LookupFunction {
  return (name, options, callback) => {
    lookup(name, { ...options, all: true }, (error, addresses) => {
      const answer = (problem: NodeJS.ErrnoException | null): void => {
        const [first] = addresses ?? []
        if (options.all === true || problem !== null || first === undefined) callback(problem, addresses ?? [])
        else callback(null, first.address, first.family)
      }
      if (error !== null || !hasPrivate(addresses)) return answer(error)
      void isInside(ledBy.hostname).then((inside) => answer(inside ? null : refusal(name)))
    })
  }
}

async function isInside(host: string): Promise<boolean> {
  if (isPrivateAddress(host)) return true
  const found = await lookupAll(host.replace(/^\[(.*)\]$/, '$1'), { all: true }).catch(() => [])
  return hasPrivate(found)
}

function hasPrivate(addresses: readonly LookupAddress[]): boolean {
  return addresses.some(({ address }) => isPrivateAddress(address))
}

function refusal(host: string): FenceError {
  return new FenceError(`"${host}" is an address of this machine or of a private network`)
}
