import type { Firewall, FirewallPort, FirewallRule } from '@gantry/client'

/**
 * Published ports, of one container or of all, with what leads to each; then every rule of the host's firewall under its maker, Gantry's
 * first, in the order in which the kernel has them; then what is in the way.
 */
export function renderPorts({ ports, rules, obstacles }: Firewall, container: string | undefined): string {
  const shown = container === undefined ? ports : ports.filter((port) => port.container === container)
  const makers = [...new Set(rules.map(({ maker }) => maker))].toSorted((a, b) => rank(a) - rank(b))
  const lines = [
    shown.length === 0 ? 'No published ports.' : 'Published ports:',
    ...shown.flatMap((port) => ['', `  ${placeOf(port)} → ${targetOf(port)}`, `      by ${port.by}${missing(port)}`]),
    ...makers.flatMap((maker) => [
      '',
      `Rules of ${nameOf(maker)}:`,
      ...chains(rules.filter((rule) => rule.maker === maker)),
    ]),
    ...(obstacles.length === 0 ? [] : ['', 'In the way:']),
    ...obstacles.flatMap(({ sentence, command }) => ['', `  ${sentence}`, `      ${command}`]),
  ]
  return `${lines.join('\n')}\n`
}

function placeOf({ hostIp, hostPort, protocol }: FirewallPort): string {
  return `${hostIp.includes(':') ? `[${hostIp}]` : hostIp}:${String(hostPort)}/${protocol}`
}

function targetOf({ container, target, containerPort, network }: FirewallPort): string {
  const at = target.includes(':') ? `[${target}]` : target
  return `${container}, ${at}:${String(containerPort)} on network ${network}`
}

function missing({ present }: FirewallPort): string {
  return present ? '' : ' — which is not there: "gantry restart" makes it again'
}

function rank(maker: string): number {
  return maker === 'gantry' ? 0 : maker === 'unknown' ? 2 : 1
}

function nameOf(maker: string): string {
  return maker === 'unknown' ? 'an administrator, or of a program that is not known here' : maker
}

function chains(rules: readonly FirewallRule[]): readonly string[] {
  let before = ''
  return rules.flatMap((rule) => {
    const { tool, family, table, chain, hook, policy, text } = rule
    const how = tool === 'iptables' ? ' (iptables-legacy)' : ''
    const entered = hook === undefined ? '' : `, at ${hook}${policy === 'drop' ? ', else drop' : ''}`
    const place = `  ${family} ${table}, ${chain}${entered}${how}`
    const heading = place === before ? [] : [place]
    before = place
    return [...heading, ...(text === '' ? [] : [`      ${text}`])]
  })
}
