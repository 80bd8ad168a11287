import { readFileSync } from 'node:fs'

/** What a container's /etc/hosts says. */
export interface HostsOptions {
  readonly hostname: string
  readonly domainname?: string
  /** Addresses of the container itself, each with further names. */
  readonly addresses?: readonly { readonly ip: string; readonly names?: readonly string[] }[]
  /** `--add-host`: name and address. */
  readonly extra?: readonly { readonly name: string; readonly ip: string }[]
}

/** The content of /etc/hosts, as Docker writes it. */
export function hostsFile(options: HostsOptions): string {
  const { hostname, domainname } = options
  const own = domainname === undefined || domainname === '' ? hostname : `${hostname}.${domainname} ${hostname}`
  const lines = [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::\tip6-localnet',
    'ff00::\tip6-mcastprefix',
    'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters',
    ...(options.extra ?? []).map(({ name, ip }) => `${ip}\t${name}`),
    ...(options.addresses ?? []).map(({ ip, names }) => `${ip}\t${[own, ...(names ?? [])].join(' ')}`),
  ]
  return `${lines.join('\n')}\n`
}

/** The content of /etc/hostname. */
export function hostnameFile(hostname: string): string {
  return `${hostname}\n`
}

/** What a container's /etc/resolv.conf is made from. */
export interface ResolvConfOptions {
  /** The host's own file. */
  readonly host: string
  /** Address of the name server of the container's network; without one the host's servers are used directly. */
  readonly nameserver?: string
  /** `--dns`, `--dns-search`, `--dns-option`: each replaces what the host has. */
  readonly servers?: readonly string[]
  readonly search?: readonly string[]
  readonly options?: readonly string[]
  /** The container shares the host's network, so that servers on its loopback are right. Default: false. */
  readonly hostNetwork?: boolean
}

const publicServers: readonly string[] = ['8.8.8.8', '8.8.4.4']

/** The content of /etc/resolv.conf. A host whose servers are all on its loopback is replaced by public ones, as Docker does. */
export function resolvConf(options: ResolvConfOptions): string {
  const host = parseResolvConf(options.host)
  const reachable = options.hostNetwork === true ? host.servers : host.servers.filter((server) => !isLoopback(server))
  const given = options.servers ?? []
  const servers =
    given.length > 0
      ? given
      : options.nameserver !== undefined
        ? [options.nameserver]
        : reachable.length > 0
          ? reachable
          : publicServers
  const search = options.search ?? host.search
  const settings = options.options ?? host.options
  const lines = [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length === 0 || search.includes('.') ? [] : [`search ${search.join(' ')}`]),
    ...(settings.length === 0 ? [] : [`options ${settings.join(' ')}`]),
  ]
  return `${lines.join('\n')}\n`
}

/** The parts of a resolv.conf: of several `search` lines the last holds. */
export function parseResolvConf(text: string): {
  readonly servers: readonly string[]
  readonly search: readonly string[]
  readonly options: readonly string[]
} {
  const servers: string[] = []
  const options: string[] = []
  let search: string[] = []
  for (const line of text.split('\n')) {
    const [word, ...rest] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/)
    if (word === 'nameserver' && rest[0] !== undefined) servers.push(rest[0])
    else if (word === 'search' || word === 'domain') search = rest
    else if (word === 'options') options.push(...rest)
  }
  return { servers, search, options }
}

function isLoopback(server: string): boolean {
  return server.startsWith('127.') || server === '::1'
}

/** The host's own /etc/resolv.conf; empty where there is none. */
export function hostResolvConf(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8')
  } catch {
    return ''
  }
}
