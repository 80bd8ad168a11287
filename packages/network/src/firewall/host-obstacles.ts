import { readdirSync } from 'node:fs'
import type { Network } from '../networks.ts'
import { firewallReport, type FirewallReport } from './firewall-report.ts'

/**
 * What would keep packets of containers from passing and is not met by a network itself: chains of nftables that somebody else has made. For
 * doctor, which asks no daemon. Empty where the user may not see the rules.
 * @param table the table of this instance
 */
export async function hostObstacles(table: string): Promise<FirewallReport['obstacles']> {
  const bridges = readdirSync('/sys/class/net').filter((link) => /^(gantry\d|gtry)/.test(link))
  const networks = (bridges.length === 0 ? ['gantry0'] : bridges).map((bridge) => ({ ...unnamed, bridge }))
  const { obstacles } = await firewallReport({ table, networks, endpoints: [], forwarding: false })
  return obstacles.filter(({ command }) => command.startsWith('nft '))
}

const unnamed: Network = {
  id: '',
  name: '',
  driver: 'bridge',
  subnet: '',
  gateway: '',
  bridge: '',
  internal: false,
  labels: {},
  options: {},
  created: 0,
}
