import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { each } from '../each.ts'

/** `gantry wait` */
export const wait: Command = defineCommand({
  name: 'wait',
  aliases: ['container wait'],
  summary: 'Block until one or more containers stop, then print their exit codes',
  usage: 'CONTAINER [CONTAINER...]',
  arguments: [1],
  flags: {},
  async run({ context, args }) {
    const { containers } = await context.daemon()
    return each(context, args, async (name) => {
      const waiting = await containers.wait(name, { signal: context.signal })
      return String((await waiting.result).StatusCode)
    })
  },
})
