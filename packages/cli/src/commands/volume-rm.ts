import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { each } from '../each.ts'
import { boolean } from '../flags/flag.ts'

/** `gantry volume rm` */
export const volumeRm: Command = defineCommand({
  name: 'volume rm',
  aliases: ['volume remove'],
  summary: 'Remove one or more volumes',
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  details: 'A volume that is in use by a container cannot be removed.',
  arguments: [1],
  flags: { force: boolean('Do not error if the volume does not exist', { short: 'f' }) },
  async run({ context, flags, args }) {
    const { volumes } = await context.daemon()
    return each(context, args, async (name) => {
      await volumes.remove(name, { force: flags.force })
      return name
    })
  },
})
