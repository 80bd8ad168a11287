import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { each } from '../each.ts'
import { boolean } from '../flags/flag.ts'
import { isNotFound } from '../print-values.ts'

/** `gantry network rm` */
export const networkRm: Command = defineCommand({
  name: 'network rm',
  aliases: ['network remove'],
  summary: 'Remove one or more networks',
  usage: 'NETWORK [NETWORK...]',
  arguments: [1],
  flags: { force: boolean('Do not error if the network does not exist', { short: 'f' }) },
  async run({ context, flags, args }) {
    const { networks } = await context.daemon()
    return each(context, args, async (name) => {
      try {
        await networks.remove(name)
      } catch (error) {
        if (!flags.force || !isNotFound(error)) throw error
      }
      return name
    })
  },
})
