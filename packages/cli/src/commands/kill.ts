import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { each } from '../each.ts'
import { text } from '../flags/flag.ts'

/** `gantry kill` */
export const kill: Command = defineCommand({
  name: 'kill',
  aliases: ['container kill'],
  summary: 'Kill one or more running containers',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  arguments: [1],
  flags: { signal: text('Signal to send to the container', { short: 's' }) },
  async run({ context, flags, args }) {
    const { containers } = await context.daemon()
    return each(context, args, async (name) => {
      await containers.kill(name, flags.signal)
      return name
    })
  },
})
