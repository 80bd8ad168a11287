import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'

/** `gantry rename` */
export const rename: Command = defineCommand({
  name: 'rename',
  aliases: ['container rename'],
  summary: 'Rename a container',
  usage: 'CONTAINER NEW_NAME',
  arguments: [2, 2],
  flags: {},
  async run({ context, args: [name = '', to = ''] }) {
    const { containers } = await context.daemon()
    await containers.rename(name, to)
  },
})
