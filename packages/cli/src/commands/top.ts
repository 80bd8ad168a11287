import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { tabulate } from '../format/tabulate.ts'

/** `gantry top` */
export const top: Command = defineCommand({
  name: 'top',
  aliases: ['container top'],
  summary: 'Display the running processes of a container',
  usage: 'CONTAINER [ps OPTIONS]',
  arguments: [1],
  stopAtFirstArgument: true,
  flags: {},
  async run({ context, args: [name = '', ...ps] }) {
    const { containers } = await context.daemon()
    const { Titles, Processes } = await containers.top(name, ps.length === 0 ? {} : { psArgs: ps.join(' ') })
    context.out.write(tabulate([Titles, ...Processes]))
  },
})
