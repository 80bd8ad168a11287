import { firewallRule, type Change, type Host } from '@gantry/linux'
import { runStatus } from '@gantry/process'
import type { NetworkRow } from './network-rows.ts'

const tools = ['iptables', 'ip6tables'] as const

/**
 * The rules that let the packets of one of a network's bridges pass where another program drops what it does not know: an accept in our table cannot overrule
 * that. They stand in the chain that the other keeps for users (DOCKER-USER, ufw-before-forward), or at the head of FORWARD where nobody
 * keeps one and its policy, or its last rule, lets nothing pass. None where nothing is dropped.
 */
export async function neighbourRules(
  network: NetworkRow,
  { host, bridge }: { readonly host: Host; readonly bridge: string },
): Promise<readonly Change[]> {
  if (network.internal || network.driver !== 'bridge' || host.tools.iptables === undefined) return []
  const families = tools.filter((tool) => tool === 'iptables' || network.subnet6 !== undefined)
  const lists = await Promise.all(families.map((tool) => rulesOf(tool, bridge)))
  return lists.flat()
}

async function rulesOf(tool: (typeof tools)[number], bridge: string): Promise<readonly Change[]> {
  const [chain, why] = userChain(await filterRules(tool), tool) ?? []
  if (chain === undefined || why === undefined) return []
  return [
    ['-i', bridge, '-j', 'ACCEPT'],
    ['-o', bridge, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED,DNAT', '-j', 'ACCEPT'],
  ].map((rule) => firewallRule({ tool, chain, rule }, why))
}

/** What another program would drop: `iptables -S` of the filter table; empty where there is none. */
async function filterRules(tool: string): Promise<readonly string[]> {
  const { code, stdout } = await runStatus(tool, ['-w', '-S'], { timeout: 5000 })
  return code === 0 ? stdout.split('\n') : []
}

/** The chain that accepts belong into, and why; undefined where nothing is dropped. */
export function userChain(
  rules: readonly string[],
  tool: (typeof tools)[number],
): readonly [chain: string, why: string] | undefined {
  const ufw = tool === 'ip6tables' ? 'ufw6-before-forward' : 'ufw-before-forward'
  for (const chain of ['DOCKER-USER', ufw])
    if (rules.includes(`-N ${chain}`)) return [chain, `${chain} would drop the containers' packets`]
  const last = rules.findLast((rule) => rule.startsWith('-A FORWARD '))
  const drops = /^-A FORWARD -j (DROP|REJECT)\b/.test(last ?? '') || rules.includes('-P FORWARD DROP')
  return drops ? ['FORWARD', "the host's own firewall would drop the containers' packets"] : undefined
}
