import { BuildError } from '../build-error.ts'

/** Which hosts RUNs may reach. */
export interface HostRules {
  /** Whether a host may be reached; without a port, whether it may at some port. */
  allows(host: string, port?: number): boolean
}

/** What a build says of the network of its RUNs. */
export interface EgressRules {
  /** `example.org`, `*.example.org` (what is below it), an IPv4 address or range, each with `:PORT` where only that is meant. Default: every host. */
  readonly allow?: readonly string[]
}

interface Rule {
  readonly matches: (host: string) => boolean
  readonly port: number | undefined
}

/** The rules of a build, where it has some. @throws BuildError OPTIONS_INVALID */
export function egressOf({ egress, network }: { egress?: EgressRules; network?: string }): HostRules | undefined {
  if (egress === undefined) return undefined
  if (network !== 'host') return hostRules(egress)
  throw new BuildError('OPTIONS_INVALID', 'Cannot watch over what RUN reaches when it has the network of the host', {
    hint: 'leave out --network host',
  })
}

/** Rules from how they are written. @throws BuildError OPTIONS_INVALID */
export function hostRules({ allow }: EgressRules): HostRules {
  if (allow === undefined) return { allows: () => true }
  const rules = allow.map(parseRule)
  return {
    allows: (host, port) =>
      rules.some((rule) => (rule.port === undefined || port === undefined || rule.port === port) && rule.matches(host)),
  }
}

function parseRule(written: string): Rule {
  const [, text = '', port] = /^(.+?)(?::(\d{1,5}))?$/.exec(written.toLowerCase()) ?? []
  const number = port === undefined ? undefined : Number(port)
  const matches = number !== undefined && (number < 1 || number > 65_535) ? undefined : matcherOf(text)
  if (matches !== undefined) return { matches, port: number }
  throw new BuildError('OPTIONS_INVALID', `Cannot allow the host "${written}": it is not a host`, {
    hint: 'for example packages.example, *.example.org, 10.1.0.0/16, or localhost:8080',
  })
}

const hostName = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62}\.)*[a-z0-9_-]{0,62}$/

function matcherOf(text: string): Rule['matches'] | undefined {
  const range = rangeOf(text)
  if (range !== undefined) return (host) => inRange(host, range)
  if (/^[\d.]+(?:\/.*)?$/.test(text)) return undefined
  const below = text.startsWith('*.') ? text.slice(1) : undefined
  if (!hostName.test(below?.slice(1) ?? text)) return undefined
  return below === undefined ? (host) => host === text : (host) => host.endsWith(below)
}

interface AddressRange {
  readonly address: number
  readonly mask: number
}

function rangeOf(text: string): AddressRange | undefined {
  const [host = '', length = '32', ...more] = text.split('/')
  const address = addressOf(host)
  const bits = /^\d{1,2}$/.test(length) ? Number(length) : 33
  if (address === undefined || bits > 32 || more.length > 0) return undefined
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0
  return { address: (address & mask) >>> 0, mask }
}

function inRange(host: string, { address, mask }: AddressRange): boolean {
  const found = addressOf(host)
  return found !== undefined && (found & mask) >>> 0 === address
}

function addressOf(text: string): number | undefined {
  const parts = /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) ? text.split('.').map(Number) : []
  if (parts.length !== 4 || parts.some((part) => part > 255)) return undefined
  return parts.reduce((sum, part) => sum * 256 + part, 0)
}
