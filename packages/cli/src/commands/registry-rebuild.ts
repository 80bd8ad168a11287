import type { Command } from '../command.ts'
import { diskStorage, rebuildRegistry } from '@gantry/registry'
import { defineCommand } from '../command.ts'
import { openRegistryWorld } from '../registry/open-registry-world.ts'

/** `gantry registry rebuild` */
export const registryRebuild: Command = defineCommand({
  name: 'registry rebuild',
  summary: 'Make what the database knows of repositories again, from the blobs and the files beside them',
  usage: '',
  details: 'For a database that was lost or restored. Nothing is taken away; it may run while a server runs.',
  arguments: [0, 0],
  flags: {},
  async run({ context }) {
    const { store, state } = await openRegistryWorld(context, 'rebuild the database')
    await using storage = diskStorage(store)
    const { missing, unreadable, repositories, manifests, tags } = await rebuildRegistry(
      { storage, state },
      { signal: context.signal },
    )
    for (const { repository, digest } of missing) context.out.write(`missing  ${digest} (${repository})\n`)
    for (const file of unreadable) context.out.write(`unreadable  ${file}\n`)
    context.out.write(
      `Found ${manifests} manifests of ${repositories} repositories; ${tags} tags were not known before\n`,
    )
    return missing.length + unreadable.length === 0 ? 0 : 1
  },
})
