/** A rule of the kernel's firewall, or a chain that drops what none of its rules let pass. */
export interface FirewallRule {
  /** `nft` shows a rule of iptables too, when iptables keeps it there. */
  readonly tool: 'nft' | 'iptables'
  readonly family: string
  readonly table: string
  readonly chain: string
  /** Where the kernel enters the chain: `forward`; absent for chains that others jump to. */
  readonly hook?: string
  /** Of a chain with a hook: what becomes of a packet that no rule decides about. */
  readonly policy?: 'accept' | 'drop'
  /** As it is written; empty for a chain that has a policy and no rule. */
  readonly text: string
}

/** Reads the output of `nft list ruleset`: every rule of every chain, in order. Sets and maps are left out. */
export function parseRuleset(ruleset: string): readonly FirewallRule[] {
  const rules: FirewallRule[] = []
  let table = { family: '', name: '' }
  let chain: { name: string; hook?: string; policy?: 'accept' | 'drop' } | undefined
  let isEmpty = true
  let depth = 0
  const add = (text: string): void => {
    if (chain === undefined) return
    const { hook, policy } = chain
    const place = { tool: 'nft' as const, family: table.family, table: table.name, chain: chain.name }
    rules.push({ ...place, ...(hook === undefined ? {} : { hook }), ...(policy === undefined ? {} : { policy }), text })
  }
  for (const line of ruleset.split('\n').map((each) => each.trim())) {
    const opened = /^(table|chain|set|map|\w+) (?:(\S+) )?(\S+) \{$/.exec(line)
    if (depth === 0 && opened?.[1] === 'table') {
      table = { family: opened[2] ?? '', name: opened[3] ?? '' }
      depth = 1
    } else if (depth === 1 && line.endsWith('{')) {
      chain = opened?.[1] === 'chain' ? { name: opened[3] ?? '' } : undefined
      isEmpty = true
      depth = 2
    } else if (line === '}') {
      if (depth === 2 && chain?.policy === 'drop' && isEmpty) add('')
      if (depth === 2) chain = undefined
      depth -= 1
    } else if (chain !== undefined && line.startsWith('type ')) {
      const hook = /hook (\w+)/.exec(line)?.[1]
      const policy = /policy (accept|drop)/.exec(line)?.[1] as 'accept' | 'drop' | undefined
      chain = { ...chain, ...(hook === undefined ? {} : { hook }), ...(policy === undefined ? {} : { policy }) }
    } else if (chain !== undefined && line !== '' && !line.startsWith('#') && !line.startsWith('comment ')) {
      isEmpty = false
      add(line)
    }
  }
  return rules
}

/** Reads the output of `iptables-legacy-save`, whose rules nft does not see. */
export function parseSavedRules(saved: string, family: 'ip' | 'ip6'): readonly FirewallRule[] {
  const policies = new Map<string, 'accept' | 'drop'>()
  let table = ''
  return saved.split('\n').flatMap((line): readonly FirewallRule[] => {
    if (line.startsWith('*')) {
      table = line.slice(1)
      return []
    }
    const chain = /^:(\S+) (ACCEPT|DROP) /.exec(line)
    if (chain?.[1] !== undefined) {
      const policy = chain[2] === 'DROP' ? 'drop' : 'accept'
      policies.set(`${table} ${chain[1]}`, policy)
      if (policy === 'accept') return []
      return [{ tool: 'iptables', family, table, chain: chain[1], hook: chain[1].toLowerCase(), policy, text: '' }]
    }
    const rule = /^-A (\S+) (.*)$/.exec(line)
    if (rule?.[1] === undefined) return []
    const policy = policies.get(`${table} ${rule[1]}`)
    const hook = policy === undefined ? {} : { hook: rule[1].toLowerCase(), policy }
    return [{ tool: 'iptables', family, table, chain: rule[1], ...hook, text: rule[2] ?? '' }]
  })
}
