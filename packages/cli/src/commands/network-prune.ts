import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { CliError } from '../cli-error.ts'
import { parseFilters } from '../filters.ts'
import { boolean, list } from '../flags/flag.ts'
import { ask } from '../term/ask.ts'

/** `gantry network prune` */
export const networkPrune: Command = defineCommand({
  name: 'network prune',
  summary: 'Remove all unused networks',
  usage: '[OPTIONS]',
  details: 'Unused are networks that no container has, running or not.',
  arguments: [0, 0],
  flags: {
    filter: list('Provide filter values (e.g. "until=<timestamp>")', { type: 'filter' }),
    force: boolean('Do not prompt for confirmation', { short: 'f' }),
  },
  async run({ context, flags }) {
    if (!flags.force) {
      if (!process.stdin.isTTY)
        throw new CliError('INVALID', 'Cannot ask whether to remove networks: standard input is not a terminal', {
          hint: 'Give --force to remove them without being asked',
        })
      context.err.write('WARNING! This will remove all custom networks not used by at least one container.\n')
      if (!/^y(es)?$/i.test(await ask('Are you sure you want to continue? [y/N] '))) return 1
    }
    const { networks } = await context.daemon()
    const { NetworksDeleted: removed } = await networks.prune({ filters: parseFilters(flags.filter) })
    if (removed !== null) context.out.write(`Deleted Networks:\n${removed.join('\n')}\n\n`)
    return 0
  },
})
