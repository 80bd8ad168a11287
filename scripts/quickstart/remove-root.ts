import { rm } from 'node:fs/promises'
import { openContentWorld } from '@gantry/daemon'
import { siteOf, type Site } from '@gantry/linux'

/**
 * Removes a root, after taking back everything that a root has changed about the machine, by its ledger: mounts, links, firewall tables, name servers,
 * cgroups. Its daemon must not run, and it has no containers.
 */
export async function removeRoot(root: string): Promise<void> {
  const site = siteOf(process.env, { root })
  await undoAll(site)
  await rm(site.run, { recursive: true, force: true })
  await rm(root, { recursive: true, force: true })
}

async function undoAll(site: Site): Promise<void> {
  await using world = await openContentWorld(site)
  const owners = world.ledger.owners().map(({ owner }) => owner)
  // Containers stand on networks, and all on what belongs to the host: later ones go first, the host's last.
  const last = (owner: string): number => (owner.startsWith('host') ? 2 : owner.startsWith('network/') ? 1 : 0)
  for (const owner of owners.toReversed().sort((a, b) => last(a) - last(b))) await world.ledger.undo(owner)
}
