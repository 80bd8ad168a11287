import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { parseFilters } from '../filters.ts'
import { boolean, list } from '../flags/flag.ts'
import { humanSize } from '../format/human-size.ts'
import { confirm } from '../term/confirm.ts'

/** `gantry volume prune` */
export const volumePrune: Command = defineCommand({
  name: 'volume prune',
  summary: 'Remove unused local volumes',
  usage: '[OPTIONS]',
  details: `Unused are volumes that no container is made with, running or not. Without --all only those that were made without a name.
Filters: label=KEY[=VALUE], label!=KEY[=VALUE].`,
  arguments: [0, 0],
  flags: {
    all: boolean('Remove all unused volumes, not just anonymous ones', { short: 'a' }),
    filter: list('Provide filter values (e.g. "label=<label>")', { type: 'filter' }),
    force: boolean('Do not prompt for confirmation', { short: 'f' }),
  },
  async run({ context, flags }) {
    const kind = flags.all ? 'local' : 'anonymous local'
    const warning = `WARNING! This will remove ${kind} volumes not used by at least one container.`
    if (!flags.force && !(await confirm(context, warning, 'volumes'))) return 1
    const filters = parseFilters(flags.filter)
    const { volumes } = await context.daemon()
    const { VolumesDeleted, SpaceReclaimed } = await volumes.prune({
      filters: flags.all ? { ...filters, all: ['true'] } : filters,
    })
    if (VolumesDeleted !== null) context.out.write(`Deleted Volumes:\n${VolumesDeleted.join('\n')}\n\n`)
    context.out.write(`Total reclaimed space: ${humanSize(SpaceReclaimed)}\n`)
    return 0
  },
})
