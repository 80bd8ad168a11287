import { CliError } from '../cli-error.ts'
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
    attachable: boolean('Enable manual container attachment (always on)'),
    gateway: list('IPv4 or IPv6 Gateway for the subnet', { type: 'strings' }),
    internal: boolean('Restrict external access to the network'),
    'ip-range': text('Allocate container ip from a sub-range'),
    label: list('Set metadata on a network'),
    opt: list('Set driver specific options', { short: 'o', type: 'map' }),
    ipv6: boolean('Enable IPv6 address assignment; without --subnet, a unique local subnet is chosen'),
    subnet: list('Subnet in CIDR format that represents a network segment, one of each family', { type: 'strings' }),
  },
  async run({ context, flags, args: [name = ''] }) {
    const { networks } = await context.daemon()
    const config = configsOf(flags)
    const { Id, Warning } = await networks.create({
      Name: name,
      CheckDuplicate: true,
      Driver: flags.driver ?? 'bridge',
      Internal: flags.internal,
      EnableIPv6: flags.ipv6 || flags.subnet.some((subnet) => subnet.includes(':')),
      Labels: readLabels([], flags.label),
      Options: readLabels([], flags.opt),
      ...(config.length === 0 ? {} : { IPAM: { Config: config } }),
    })
    if (Warning !== '') context.err.write(`WARNING: ${Warning}\n`)
    context.out.write(`${Id}\n`)
  },
})

type Config = { Subnet?: string; Gateway?: string; IPRange?: string }

/** One entry for each family that something is said of; gateway and range belong to the subnet of theirs. */
function configsOf(flags: {
  readonly subnet: readonly string[]
  readonly gateway: readonly string[]
  readonly 'ip-range': string | undefined
}): Config[] {
  const range = flags['ip-range']
  return [false, true].flatMap((six): Config[] => {
    const isIts = (address: string): boolean => address.includes(':') === six
    const subnets = flags.subnet.filter(isIts)
    const gateways = flags.gateway.filter(isIts)
    if (subnets.length > 1 || gateways.length > 1)
      throw new CliError('INVALID', 'Cannot create the network: it can have one subnet and gateway of each family')
    const [Subnet] = subnets
    const [Gateway] = gateways
    const config = {
      ...(Subnet === undefined ? {} : { Subnet }),
      ...(Gateway === undefined ? {} : { Gateway }),
      ...(range === undefined || !isIts(range) ? {} : { IPRange: range }),
    }
    return Object.keys(config).length === 0 ? [] : [config]
  })
}
