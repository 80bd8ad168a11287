import { BlockList, isIP, isIPv6 } from 'node:net'
import { ConfigError } from '../config/config-error.ts'
import { listOf, text } from '../config/fields.ts'
import type { Answer, RegistryRequest } from '../exchange.ts'

/** The networks of proxies in front of the registry, whose word is taken for where a request came from. */
export interface TrustedProxies {
  readonly networks: BlockList
}

/** No more hops than that are looked at. */
const mostHops = 32

/**
 * Reads a list of addresses and networks such as `10.0.0.0/8`.
 *
 * @throws {ConfigError} with the path of what is wrong
 */
export function parseTrustedProxies(value: unknown, path = 'trustedProxies'): TrustedProxies {
  const networks = new BlockList()
  for (const [index, entry] of listOf(text())(value, path).entries()) {
    const [, address = '', prefix] = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
    const kind = isIPv6(address) ? 'ipv6' : 'ipv4'
    const longest = kind === 'ipv6' ? 128 : 32
    const bits = prefix === undefined ? longest : Number(prefix)
    if (isIP(address) === 0 || bits > longest) {
      throw new ConfigError(`${path}[${index}]`, 'is no address or network such as "10.0.0.0/8"')
    }
    networks.addSubnet(address, bits, kind)
  }
  return { networks }
}

/**
 * Takes the word of trusted proxies for the client's address, the scheme and the host: without it all clients behind a proxy
 * are one, for throttles and rates, and the token service is thought to be where only the proxy reaches it. Stands outside of
 * everything that looks at these.
 */
export function trustProxies({ networks }: TrustedProxies): (next: Answer) => Answer {
  return (next) => (request) => next(isTrusted(networks, request.peer) ? forwarded(networks, request) : request)
}

function forwarded(networks: BlockList, request: RegistryRequest): RegistryRequest {
  const hops = listed(request.header('x-forwarded-for')).slice(-mostHops).toReversed()
  // The nearest proxy writes last. What stands before somebody who is not trusted may be made up.
  const peer = hops.find((hop) => !isTrusted(networks, hop)) ?? hops.at(-1)
  const scheme = listed(request.header('x-forwarded-proto')).at(-1)?.toLowerCase()
  const host = listed(request.header('x-forwarded-host')).at(-1)
  return {
    ...request,
    ...(peer !== undefined && isIP(peer) !== 0 ? { peer } : {}),
    ...(scheme === 'http' || scheme === 'https' ? { scheme } : {}),
    ...(host === undefined ? {} : { host }),
  }
}

function listed(header = ''): readonly string[] {
  return header
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
}

function isTrusted(networks: BlockList, address = ''): boolean {
  const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
  return isIP(plain) !== 0 && networks.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
}
