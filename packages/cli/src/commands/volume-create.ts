import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { readLabels } from '../container/read-env.ts'
import { list, text } from '../flags/flag.ts'

/** `gantry volume create` */
export const volumeCreate: Command = defineCommand({
  name: 'volume create',
  summary: 'Create a volume',
  usage: '[OPTIONS] [VOLUME]',
  arguments: [0, 1],
  flags: {
    driver: text('Specify volume driver name', { short: 'd', initial: 'local' }),
    label: list('Set metadata for a volume'),
    opt: list('Set driver specific options', { short: 'o', type: 'map' }),
  },
  async run({ context, flags, args: [name] }) {
    const { volumes } = await context.daemon()
    const { Name } = await volumes.create({
      ...(name === undefined ? {} : { Name: name }),
      Driver: flags.driver ?? 'local',
      DriverOpts: readLabels([], flags.opt),
      Labels: readLabels([], flags.label),
    })
    context.out.write(`${Name}\n`)
  },
})
