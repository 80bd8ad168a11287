import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { each } from '../each.ts'
import { boolean } from '../flags/flag.ts'

/** `gantry rmi` */
export const rmi: Command = defineCommand({
  name: 'rmi',
  aliases: ['image rm', 'image remove'],
  summary: 'Remove one or more images',
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  arguments: [1],
  flags: {
    force: boolean('Force removal of the image', { short: 'f' }),
    'no-prune': boolean('Do not delete untagged parents'),
  },
  async run({ context, flags, args }) {
    const store = await openImages(context)
    return each(context, args, async (name) => {
      const removed = await store.remove(name, { force: flags.force, noprune: flags['no-prune'] })
      return removed
        .map((item) => (item.Deleted === undefined ? `Untagged: ${item.Untagged}` : `Deleted: ${item.Deleted}`))
        .join('\n')
    })
  },
})
