import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { each } from '../each.ts'

/** `gantry secret rm` */
export const secretRm: Command = defineCommand({
  name: 'secret rm',
  aliases: ['secret remove'],
  summary: 'Remove one or more secrets',
  usage: 'SECRET [SECRET...]',
  details: 'A secret that a container is made with cannot be removed.',
  arguments: [1],
  flags: {},
  async run({ context, args }) {
    const { secrets } = await context.daemon()
    return each(context, args, async (name) => {
      await secrets.remove(name)
      return name
    })
  },
})
