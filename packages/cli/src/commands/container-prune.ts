import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { parseFilters } from '../filters.ts'
import { boolean, list } from '../flags/flag.ts'
import { humanSize } from '../format/human-size.ts'
import { confirm } from '../term/confirm.ts'

/** `gantry container prune` */
export const containerPrune: Command = defineCommand({
  name: 'container prune',
  summary: 'Remove all stopped containers',
  usage: '[OPTIONS]',
  details:
    'Their volumes stay. Filters: until=24h or a date (made before then), label=KEY[=VALUE], label!=KEY[=VALUE].',
  arguments: [0, 0],
  flags: {
    filter: list('Provide filter values (e.g. "until=24h")', { type: 'filter' }),
    force: boolean('Do not prompt for confirmation', { short: 'f' }),
  },
  async run({ context, flags }) {
    const warning = 'WARNING! This will remove all stopped containers.'
    if (!flags.force && !(await confirm(context, warning, 'containers'))) return 1
    const { containers } = await context.daemon()
    const { ContainersDeleted, SpaceReclaimed } = await containers.prune({ filters: parseFilters(flags.filter) })
    if (ContainersDeleted !== null) context.out.write(`Deleted Containers:\n${ContainersDeleted.join('\n')}\n\n`)
    context.out.write(`Total reclaimed space: ${humanSize(SpaceReclaimed)}\n`)
    return 0
  },
})
