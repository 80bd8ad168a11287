import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { readLabels } from '../container/read-env.ts'
import { boolean, list, text } from '../flags/flag.ts'

/** `gantry network create` */
export const networkCreate: Command = defineCommand({
  name: 'network create',
  summary: 'Create a network',
  usage: '[OPTIONS] NETWORK',
  arguments: [1, 1],
  flags: {
    driver: text('Driver to manage the Network', { short: 'd', initial: 'bridge' }),
    gateway: text('IPv4 Gateway for the subnet'),
    internal: boolean('Restrict external access to the network'),
    'ip-range': text('Allocate container ip from a sub-range'),
    label: list('Set metadata on a network'),
    opt: list('Set driver specific options', { short: 'o', type: 'map' }),
    subnet: text('Subnet in CIDR format that represents a network segment'),
  },
  async run({ context, flags, args: [name = ''] }) {
    const { networks } = await context.daemon()
    const config = {
      ...(flags.subnet === undefined ? {} : { Subnet: flags.subnet }),
      ...(flags.gateway === undefined ? {} : { Gateway: flags.gateway }),
      ...(flags['ip-range'] === undefined ? {} : { IPRange: flags['ip-range'] }),
    }
    const { Id, Warning } = await networks.create({
      Name: name,
      CheckDuplicate: true,
      Driver: flags.driver ?? 'bridge',
      Internal: flags.internal,
      Labels: readLabels([], flags.label),
      Options: readLabels([], flags.opt),
      ...(Object.keys(config).length === 0 ? {} : { IPAM: { Config: [config] } }),
    })
    if (Warning !== '') context.err.write(`WARNING: ${Warning}\n`)
    context.out.write(`${Id}\n`)
  },
})
