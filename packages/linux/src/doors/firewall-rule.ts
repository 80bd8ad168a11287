import { runStatus, run } from '@gantry/process'
import type { Change } from '../ledger/change.ts'
import type { Door } from '../ledger/door.ts'
import { shellWords } from './shell-quote.ts'

/** Arguments of {@link firewallRule}. */
export type FirewallRuleArgs = {
  readonly tool: 'iptables' | 'ip6tables'
  /** Default: `filter`. */
  readonly table?: string
  /** Such as `DOCKER-USER` or `ufw-user-forward`. */
  readonly chain: string
  /** The rule's words: `['-i', 'gantry0', '-j', 'ACCEPT']`. */
  readonly rule: readonly string[]
}

/** One rule at the head of a chain that belongs to another program (Docker, ufw); nothing else there is touched. */
export function firewallRule(args: FirewallRuleArgs, why: string): Change<FirewallRuleArgs> {
  return { kind: 'firewall-rule', args, why }
}

/** The door of {@link firewallRule}. */
export const firewallRuleDoor: Door<FirewallRuleArgs> = {
  kind: 'firewall-rule',
  describe: (args) => ({
    sentence: `Put a rule before those of ${args.chain}: ${args.rule.join(' ')}`,
    command: shellWords(args.tool, ...words('-I', args)),
    undo: shellWords(args.tool, ...words('-D', args)),
  }),
  apply: async (args, { signal }) => {
    if (await isThere(args)) return { existed: true }
    await run(args.tool, words('-I', args), signal === undefined ? {} : { signal })
    return { existed: false }
  },
  undo: async (args, identity) => {
    if (typeof identity === 'object' && identity !== null && 'existed' in identity && identity.existed === true) return
    if (await isThere(args)) await run(args.tool, words('-D', args))
  },
}

async function isThere(args: FirewallRuleArgs): Promise<boolean> {
  return (await runStatus(args.tool, words('-C', args))).code === 0
}

function words(action: string, { table = 'filter', chain, rule }: FirewallRuleArgs): readonly string[] {
  return ['-w', '-t', table, action, chain, ...rule]
}
