import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { integer, list, text } from '../flags/flag.ts'

/** `gantry network connect` */
export const networkConnect: Command = defineCommand({
  name: 'network connect',
  summary: 'Connect a container to a network',
  usage: '[OPTIONS] NETWORK CONTAINER',
  details:
    'A container that runs is on the network at once, under its name and its aliases; another one from its next start on.',
  arguments: [2, 2],
  flags: {
    alias: list('Add network-scoped alias for the container'),
    'gw-priority': integer('Highest gw-priority provides the default gateway. Accepts positive and negative values'),
    ip: text('IPv4 address (e.g., "172.30.100.104")'),
    ip6: text('IPv6 address (e.g., "2001:db8::33")'),
    'mac-address': text('Hardware address of the container on this network'),
  },
  async run({ context, flags, args: [network = '', container = ''] }) {
    const { networks } = await context.daemon()
    const addresses = {
      ...(flags.ip === undefined ? {} : { IPv4Address: flags.ip }),
      ...(flags.ip6 === undefined ? {} : { IPv6Address: flags.ip6 }),
    }
    await networks.connect(network, container, {
      ...(flags.alias.length === 0 ? {} : { Aliases: [...flags.alias] }),
      ...(Object.keys(addresses).length === 0 ? {} : { IPAMConfig: addresses }),
      ...(flags['mac-address'] === undefined ? {} : { MacAddress: flags['mac-address'] }),
      ...(flags['gw-priority'] === undefined ? {} : { GwPriority: flags['gw-priority'] }),
    })
  },
})
