import { runStatus } from '@gantry/process'
import { portElement, tableFamily } from '../firewall-rules.ts'
import type { EndpointRecord, Network } from '../networks.ts'
import { makerOf } from './maker-of.ts'
import { parseRuleset, parseSavedRules, type FirewallRule } from './parse-ruleset.ts'

/** A published port with what leads to its container. */
export interface ReportedPort {
  readonly container: string
  readonly network: string
  readonly hostIp: string
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: string
  /** The address of the container. */
  readonly target: string
  /** The element of our table, as nft writes it; or the process that listens. */
  readonly by: string
  /** Whether it is in the kernel, or the process listens. */
  readonly present: boolean
}

/** A rule with who made it; `unknown` is an administrator, or a program that we do not know. */
export interface ReportedRule extends FirewallRule {
  readonly maker: string
}

/** What the kernel does with packets, and who told it to. */
export interface FirewallReport {
  readonly ports: readonly ReportedPort[]
  readonly rules: readonly ReportedRule[]
  /** What keeps packets of containers from passing. */
  readonly obstacles: readonly { readonly sentence: string; readonly command: string }[]
}

/** What a report is made from. */
export interface FirewallParts {
  /** Our table. */
  readonly table: string
  readonly networks: readonly Network[]
  readonly endpoints: readonly EndpointRecord[]
  /** Whether the process for ports by proxy runs. */
  readonly forwarding: boolean
}

/** Reads the whole ruleset of the kernel, that of iptables-legacy included. Changes nothing. Empty where the user may not see it. */
export async function firewallReport(parts: FirewallParts): Promise<FirewallReport> {
  const [ruleset, four, six] = await Promise.all([
    output('nft', ['list', 'ruleset']),
    output('iptables-legacy-save', []),
    output('ip6tables-legacy-save', []),
  ])
  const rules = [...parseRuleset(ruleset), ...parseSavedRules(four, 'ip'), ...parseSavedRules(six, 'ip6')]
  return reportOf(parts, { rules, ruleset })
}

/** The report from what was read. Pure. */
export function reportOf(
  parts: FirewallParts,
  read: { readonly rules: readonly FirewallRule[]; readonly ruleset: string },
): FirewallReport {
  const bridges = new Set([
    ...parts.networks.map(({ bridge }) => bridge),
    ...parts.endpoints.map(({ bridge }) => bridge),
  ])
  const rules = read.rules.map((rule) => ({
    ...rule,
    maker: makerOf(rule, { table: parts.table, bridges }) ?? 'unknown',
  }))
  return { ports: portsOf(parts, read.ruleset), rules, obstacles: obstaclesIn(rules, parts.networks) }
}

function portsOf({ endpoints, table, forwarding }: FirewallParts, ruleset: string): readonly ReportedPort[] {
  const written = ruleset.replaceAll(/\s+/g, ' ')
  return endpoints.flatMap((endpoint) =>
    endpoint.ports.map((port) => {
      const element = portElement(endpoint, port)
      const { hostIp, hostPort, containerPort, protocol } = port
      const target = hostIp.includes(':') && element !== undefined ? (endpoint.ip6 ?? '') : endpoint.ip
      const { containerName: container, network } = endpoint
      const what = { container, network, hostIp, hostPort, containerPort, protocol, target }
      if (element === undefined) return { ...what, by: 'a process that listens and passes on', present: forwarding }
      const by = `${tableFamily} ${table}, map ${element.map}: ${element.key} : ${element.value ?? ''}`
      return { ...what, by, present: written.includes(`${element.key} : ${element.value ?? ''}`) }
    }),
  )
}

/** Chains at the forward hook that drop what they do not know, and have no word for our bridges. */
function obstaclesIn(rules: readonly ReportedRule[], networks: readonly Network[]): FirewallReport['obstacles'] {
  const outward = networks.filter(({ driver, internal }) => driver === 'bridge' && !internal)
  const chains = new Map<string, ReportedRule[]>()
  for (const rule of rules) {
    if (rule.hook !== 'forward' || rule.maker === 'gantry') continue
    const key = `${rule.tool} ${rule.family} ${rule.table} ${rule.chain}`
    chains.set(key, [...(chains.get(key) ?? []), rule])
  }
  return [...chains.values()].flatMap((chain) => {
    const [first] = chain
    const last = chain.at(-1)
    if (first === undefined) return []
    const drops =
      first.policy === 'drop' ||
      /^(drop|reject\b.*|counter (packets \d+ bytes \d+ )?(drop|reject\b.*))$/.test(last?.text ?? '')
    const lets = rules.some(
      (rule) => rule.maker === 'gantry' && rule.family === first.family && rule.table === first.table,
    )
    const maker = chain.find((rule) => rule.maker !== 'unknown')?.maker
    if (!drops || lets || maker === 'gantry (another root)') return []
    const hindered = outward.filter(({ subnet6 }) => first.family !== 'ip6' || subnet6 !== undefined)
    return hindered.map(({ bridge }) => obstacle(first, { bridge, maker }))
  })
}

function obstacle(
  { tool, family, table, chain }: FirewallRule,
  { bridge, maker }: { bridge: string; maker: string | undefined },
): FirewallReport['obstacles'][number] {
  const sentence = `the chain ${chain} of ${family} ${table} (${maker ?? 'made by somebody unknown'}) drops what bridge ${bridge} forwards`
  if (maker === 'firewalld') return { sentence, command: `firewall-cmd --zone=trusted --add-interface=${bridge}` }
  if (tool === 'iptables' || isOfIptables(family, table))
    return {
      sentence,
      command: `${family === 'ip6' ? 'ip6tables' : 'iptables'} -I ${chain} -i ${bridge} -j ACCEPT && ${family === 'ip6' ? 'ip6tables' : 'iptables'} -I ${chain} -o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT`,
    }
  const at = `${family} ${table} ${chain}`
  return {
    sentence,
    command: `nft insert rule ${at} iifname ${bridge} accept && nft insert rule ${at} oifname ${bridge} ct state established,related accept && nft insert rule ${at} oifname ${bridge} ct status dnat accept`,
  }
}

function isOfIptables(family: string, table: string): boolean {
  return (family === 'ip' || family === 'ip6') && ['filter', 'nat', 'mangle', 'raw', 'security'].includes(table)
}

async function output(program: string, args: readonly string[]): Promise<string> {
  try {
    const { code, stdout } = await runStatus(program, args, { timeout: 10_000 })
    return code === 0 ? stdout : ''
  } catch {
    return ''
  }
}
