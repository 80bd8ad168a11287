import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { each } from '../each.ts'
import { integer, text } from '../flags/flag.ts'

/** `gantry restart` */
export const restart: Command = defineCommand({
  name: 'restart',
  aliases: ['container restart'],
  summary: 'Restart one or more containers',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  arguments: [1],
  flags: {
    signal: text('Signal to send to the container', { short: 's' }),
    time: integer('The same as --timeout'),
    timeout: integer('Seconds to wait before killing the container', { short: 't' }),
  },
  async run({ context, flags, args }) {
    const { containers } = await context.daemon()
    return each(context, args, async (name) => {
      const timeout = flags.timeout ?? flags.time
      await containers.restart(name, {
        ...(timeout === undefined ? {} : { timeout }),
        ...(flags.signal === undefined ? {} : { stopSignal: flags.signal }),
      })
      return name
    })
  },
})
