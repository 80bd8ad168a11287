import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { each } from '../each.ts'

/** `gantry pause` */
export const pause: Command = defineCommand({
  name: 'pause',
  aliases: ['container pause'],
  summary: 'Pause all processes within one or more containers',
  usage: 'CONTAINER [CONTAINER...]',
  arguments: [1],
  flags: {},
  async run({ context, args }) {
    const { containers } = await context.daemon()
    return each(context, args, async (name) => {
      await containers.pause(name)
      return name
    })
  },
})
