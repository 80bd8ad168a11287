import type { FirewallRule } from './parse-ruleset.ts'

/** Who made a rule, as far as it can be told from names; undefined when it is somebody unknown: an administrator, or another program. */
export function makerOf(
  { table, chain, text }: Pick<FirewallRule, 'table' | 'chain' | 'text'>,
  own: { readonly table: string; readonly bridges: ReadonlySet<string> },
): string | undefined {
  if (table === own.table) return 'gantry'
  if (/^gantry(_|$)/.test(table)) return 'gantry (another root)'
  const links = [...text.matchAll(/(?:iifname|oifname|-i|-o) !?=? ?"?([\w.-]+)"?/g)].map((match) => match[1] ?? '')
  if (links.some((link) => own.bridges.has(link))) return 'gantry'
  if (links.some((link) => /^(gantry\d|gtry|gx[0-9a-f]{8})/.test(link))) return 'gantry (another root)'
  const target = /(?:jump|goto|-j|-g) (\S+)/.exec(text)?.[1] ?? ''
  const known = (name: string): string | undefined => makers.find(([pattern]) => pattern.test(name))?.[1]
  return known(table) ?? known(chain) ?? known(target) ?? (links.some(isDockers) ? 'docker' : undefined)
}

function isDockers(link: string): boolean {
  return /^(docker\d|br-[0-9a-f]{12}$)/.test(link)
}

const makers: readonly (readonly [pattern: RegExp, maker: string])[] = [
  [/^(DOCKER|docker-bridges)/, 'docker'],
  [/^ufw6?-/, 'ufw'],
  [/^firewalld/, 'firewalld'],
  [/^(f2b-|fail2ban)/, 'fail2ban'],
  [/^(LIBVIRT|libvirt)/, 'libvirt'],
  [/^(KUBE-|cali-|FLANNEL|CILIUM|cilium)/i, 'kubernetes'],
  [/^(netavark|NETAVARK)/, 'podman'],
  [/^CNI-/, 'a CNI plugin'],
  [/^(lxc|lxd|incus)/, 'lxc'],
]
