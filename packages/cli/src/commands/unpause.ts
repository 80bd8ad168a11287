import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { each } from '../each.ts'

/** `gantry unpause` */
export const unpause: Command = defineCommand({
  name: 'unpause',
  aliases: ['container unpause'],
  summary: 'Unpause all processes within one or more containers',
  usage: 'CONTAINER [CONTAINER...]',
  arguments: [1],
  flags: {},
  async run({ context, args }) {
    const { containers } = await context.daemon()
    return each(context, args, async (name) => {
      await containers.unpause(name)
      return name
    })
  },
})
