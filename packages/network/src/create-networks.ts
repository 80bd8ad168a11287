import type { Host, Ledger, Site } from '@gantry/linux'
import type { State } from '@gantry/state'
import { BridgeNetworks } from './bridge-networks.ts'
import type { Networks } from './networks.ts'

/** What networks are made of. The state must have `networkMigrations`. */
export interface NetworksParts {
  readonly site: Site
  readonly state: State
  readonly ledger: Ledger
  readonly host: Host
  /** How many containers join a bridge before the network gets a further one. Default: 1,000; the kernel's limit is 1,023. */
  readonly bridgePorts?: number
}

/** The networks of a site. Touches neither disk nor kernel until it is used. */
export function createNetworks(parts: NetworksParts): Networks {
  return new BridgeNetworks(parts)
}
