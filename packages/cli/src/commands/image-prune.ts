import type { Command } from '../command.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { parseFilters } from '../filters.ts'
import { boolean, list } from '../flags/flag.ts'
import { humanSize } from '../format/human-size.ts'
import { ask } from '../term/ask.ts'

const warnings = {
  dangling: 'WARNING! This will remove all content that no image needs any more.',
  all: 'WARNING! This will remove all images without at least one container associated to them.',
} as const

/** `gantry image prune` */
export const imagePrune: Command = defineCommand({
  name: 'image prune',
  summary: 'Remove unused images',
  usage: '[OPTIONS]',
  details: `Without --all it is content that nothing leads to: what a name stood for before, and what failed transfers left. With --all
images with names too, unless a container was made from them. Filters: until=24h or a date, label=KEY[=VALUE], label!=KEY[=VALUE].`,
  arguments: [0, 0],
  flags: {
    all: boolean('Remove all unused images, not just dangling ones', { short: 'a' }),
    filter: list('Provide filter values (e.g. "until=24h")', { type: 'filter' }),
    force: boolean('Do not prompt for confirmation', { short: 'f' }),
  },
  async run({ context, flags }) {
    if (!flags.force) {
      if (!process.stdin.isTTY) {
        throw new CliError('INVALID', 'Cannot ask whether to remove images: standard input is not a terminal', {
          hint: 'Give --force to remove them without being asked',
        })
      }
      context.err.write(`${warnings[flags.all ? 'all' : 'dangling']}\n`)
      if (!/^y(es)?$/i.test(await ask('Are you sure you want to continue? [y/N] '))) return 1
    }
    const filters = parseFilters(flags.filter)
    const images = await openImages(context)
    const { ImagesDeleted, SpaceReclaimed } = await images.prune({
      filters: flags.all ? { ...filters, dangling: ['false'] } : filters,
    })
    const lines = (ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
      Deleted === undefined ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
    )
    if (lines.length > 0) context.out.write(`Deleted Images:\n${lines.join('\n')}\n\n`)
    context.out.write(`Total reclaimed space: ${humanSize(SpaceReclaimed)}\n`)
    return 0
  },
})
