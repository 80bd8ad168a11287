import { dirname, join } from 'node:path'
import { directory, LedgerError, type HostCgroup, type Ledger } from '@gantry/linux'

/** The owner in the ledger of the group that all containers' groups are in. */
export const parentGroupOwner = 'host/cgroups'

/**
 * Records the group above the containers' own, which the OCI runtime makes with the first of them and never removes: undone only when
 * it is empty, with the host's other shares.
 */
export class ParentGroups {
  readonly #ledger: Ledger
  readonly #hierarchies: readonly string[]
  readonly #known = new Set<string>()

  constructor(ledger: Ledger, cgroup: HostCgroup) {
    this.#ledger = ledger
    this.#hierarchies = [...cgroup.hierarchies, ...(cgroup.unified === undefined ? [] : [cgroup.unified])]
  }

  /** Records the parent of a group. Costs nothing the second time. */
  async record(group: string, madeBy: string): Promise<void> {
    const parent = dirname(group)
    if (parent === '/' || parent.endsWith('.slice') || this.#known.has(parent)) return
    this.#known.add(parent)
    const owner = `${parentGroupOwner}${parent}`
    if (this.#ledger.owners(owner).some(({ state }) => state === 'settled')) return
    try {
      const changes = this.#hierarchies.map((root) =>
        directory({ path: join(root, parent), madeBy, keepContent: true }, 'control groups of all containers'),
      )
      await this.#ledger.apply(owner, changes)
      this.#ledger.settle(owner)
    } catch (error) {
      // Another process records it this moment.
      if (!(error instanceof LedgerError) || error.code !== 'OWNER_BUSY') throw error
    }
  }
}
