import { BlockList, isIP } from 'node:net'

/** An environment, such as that of this process. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The proxy for an address, as the environment says: `HTTPS_PROXY` and `HTTP_PROXY`, with `ALL_PROXY` for both, unless `NO_PROXY`
 * names the host; lower case goes before upper case. This machine is never asked through a proxy.
 *
 * `NO_PROXY` is a list, separated by commas or spaces, of `*`, `example.com` (with what is below it), `.example.com` (only what is
 * below it), `*.example.com` (the same), `10.1.2.3`, `10.0.0.0/8`, `[fd00::1]` and each of them with `:port`.
 *
 * @throws {TypeError} when what is set is no address of a proxy; its text is not shown, as it may hold a password
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const [variable, text] = firstOf(environment, [name, 'ALL_PROXY'])
  if (text === undefined || isExempt(url, lookup(environment, 'NO_PROXY') ?? '')) return undefined
  const proxy = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (proxy !== null && /^https?:$/.test(proxy.protocol) && proxy.hostname !== '') return proxy
  throw new TypeError(`${variable} does not hold the address of a proxy, such as http://proxy.example:3128`)
}

/** Whether a host is asked directly, by the rules of `NO_PROXY`; hosts on this machine always are. */
export function isExempt(url: URL, rules: string): boolean {
  const host = bare(url.hostname)
  if (host === 'localhost' || host.endsWith('.localhost') || isLoopback(host)) return true
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  return rules
    .split(/[\s,]+/)
    .filter((rule) => rule !== '')
    .some((rule) => matches(rule.toLowerCase(), host, port))
}

function matches(rule: string, host: string, port: string): boolean {
  if (rule === '*') return true
  const slash = rule.lastIndexOf('/')
  if (slash !== -1) return isInNetwork(host, rule.slice(0, slash), rule.slice(slash + 1))
  const [, name = rule, rulePort] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(rule) ?? []
  if (rulePort !== undefined && rulePort !== port) return false
  const pattern = bare(name)
  if (isIP(pattern) !== 0) return isIP(host) !== 0 && isSameAddress(host, pattern)
  const suffix = pattern.startsWith('*.') ? pattern.slice(1) : pattern
  if (suffix === '' || suffix === '.') return false
  if (suffix.startsWith('.')) return host.endsWith(suffix)
  return host === suffix || host.endsWith(`.${suffix}`)
}

function isInNetwork(host: string, network: string, bits: string): boolean {
  const address = bare(network)
  const kind = isIP(address)
  const length = /^\d{1,3}$/.test(bits) ? Number(bits) : Infinity
  if (kind === 0 || isIP(host) !== kind || length > (kind === 4 ? 32 : 128)) return false
  const list = new BlockList()
  list.addSubnet(address, length, kind === 4 ? 'ipv4' : 'ipv6')
  return list.check(host, kind === 4 ? 'ipv4' : 'ipv6')
}

function isSameAddress(host: string, address: string): boolean {
  return isInNetwork(host, address, isIP(address) === 4 ? '32' : '128')
}

function isLoopback(host: string): boolean {
  return isInNetwork(host, '127.0.0.0', '8') || isInNetwork(host, '::1', '128')
}

function bare(host: string): string {
  return host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase()
}

function firstOf(environment: Environment, names: readonly string[]): readonly [string, string | undefined] {
  for (const name of names) {
    const found = lookup(environment, name)
    if (found !== undefined) return [name, found]
  }
  return ['', undefined]
}

function lookup(environment: Environment, name: string): string | undefined {
  const found = environment[name.toLowerCase()] ?? environment[name]
  return found === undefined || found.trim() === '' ? undefined : found.trim()
}
