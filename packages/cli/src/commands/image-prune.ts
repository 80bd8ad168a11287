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
  unpacked: 'WARNING! This will remove the unpacked layers of images that no container was made from; the images stay.',
} as const

/** `gantry image prune` */
export const imagePrune: Command = defineCommand({
  name: 'image prune',
  summary: 'Remove unused images',
  usage: '[OPTIONS]',
  details: `Without --all it is content that nothing leads to: what a name stood for before, and what failed transfers left. With --all
images with names too, unless a container was made from them. With --unpacked no image goes: a layer that is here as a blob and unpacked
as well is kept as the blob alone, and is unpacked again when a container or a build needs it. Filters: until=24h or a date, label=KEY[=VALUE], label!=KEY[=VALUE].`,
  arguments: [0, 0],
  flags: {
    all: boolean('Remove all unused images, not just dangling ones', { short: 'a' }),
    filter: list('Provide filter values (e.g. "until=24h")', { type: 'filter' }),
    force: boolean('Do not prompt for confirmation', { short: 'f' }),
    unpacked: boolean('Keep the images, but only as they came: remove layers that are stored unpacked as well'),
  },
  async run({ context, flags }) {
    if (flags.unpacked && (flags.all || flags.filter.some((text) => !text.startsWith('until='))))
      throw new CliError('INVALID', 'Cannot use --unpacked with --all or other filters than until: it removes no image')
    if (!flags.force) {
      if (!process.stdin.isTTY) {
        throw new CliError('INVALID', 'Cannot ask whether to remove images: standard input is not a terminal', {
          hint: 'Give --force to remove them without being asked',
        })
      }
      context.err.write(`${warnings[flags.unpacked ? 'unpacked' : flags.all ? 'all' : 'dangling']}\n`)
      if (!/^y(es)?$/i.test(await ask('Are you sure you want to continue? [y/N] '))) return 1
    }
    const filters = parseFilters(flags.filter)
    const images = await openImages(context)
    const { ImagesDeleted, SpaceReclaimed } = await images.prune({
      filters: {
        ...filters,
        ...(flags.all ? { dangling: ['false'] } : {}),
        ...(flags.unpacked ? { unpacked: ['true'] } : {}),
      },
    })
    const lines = (ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
      Deleted === undefined ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
    )
    if (lines.length > 0) context.out.write(`Deleted Images:\n${lines.join('\n')}\n\n`)
    context.out.write(`Total reclaimed space: ${humanSize(SpaceReclaimed)}\n`)
    return 0
  },
})
