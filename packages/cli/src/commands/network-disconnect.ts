import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { boolean } from '../flags/flag.ts'

/** `gantry network disconnect` */
export const networkDisconnect: Command = defineCommand({
  name: 'network disconnect',
  summary: 'Disconnect a container from a network',
  usage: '[OPTIONS] NETWORK CONTAINER',
  details: 'Published ports of a container that runs move to another of its networks, if it has one that leads out.',
  arguments: [2, 2],
  flags: { force: boolean('Force the container to disconnect from a network', { short: 'f' }) },
  async run({ context, flags, args: [network = '', container = ''] }) {
    const { networks } = await context.daemon()
    await networks.disconnect(network, container, { force: flags.force })
  },
})
