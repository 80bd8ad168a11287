import type { ImageHistoryItem } from '@gantry/client'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { boolean } from '../flags/flag.ts'
import { listFormat, templateDetails } from '../format/format-flag.ts'
import { humanAge } from '../format/human-duration.ts'
import { humanSize } from '../format/human-size.ts'
import { printRows } from '../format/print-rows.ts'
import { ellipsis, shortId } from '../format/short-id.ts'

/** `gantry history` */
export const history: Command = defineCommand({
  name: 'history',
  aliases: ['image history'],
  summary: 'Show the history of an image',
  usage: '[OPTIONS] IMAGE',
  details: templateDetails,
  arguments: [1, 1],
  flags: {
    format: listFormat(),
    human: boolean('Print sizes and dates in human readable format', { short: 'H', initial: true }),
    'no-trunc': boolean("Don't truncate output"),
    quiet: boolean('Only show image IDs', { short: 'q' }),
  },
  async run({ context, flags, args: [name = ''] }) {
    const rows = await (await openImages(context)).history(name)
    const whole = flags['no-trunc']
    const idOf = (row: ImageHistoryItem): string => (whole ? row.Id : shortId(row.Id))
    if (flags.quiet) {
      context.out.write(rows.map((row) => `${idOf(row)}\n`).join(''))
      return
    }
    const now = Date.now()
    const iso = (row: ImageHistoryItem): string => new Date(row.Created * 1000).toISOString().replace('.000', '')
    const since = (row: ImageHistoryItem): string => (row.Created > 0 ? humanAge(row.Created * 1000, now) : 'N/A')
    printRows(
      context.out,
      rows,
      {
        ID: ['IMAGE', idOf],
        CreatedSince: ['CREATED', (row) => (flags.human ? since(row) : iso(row))],
        CreatedAt: ['CREATED AT', iso],
        CreatedBy: [
          'CREATED BY',
          ({ CreatedBy }) => (whole ? CreatedBy : ellipsis(CreatedBy.replaceAll('\t', ' '), 45)),
        ],
        Size: ['SIZE', (row) => (flags.human ? humanSize(row.Size) : String(row.Size))],
        Comment: ['COMMENT', (row) => row.Comment],
      },
      { format: flags.format, shown: ['ID', 'CreatedSince', 'CreatedBy', 'Size', 'Comment'] },
    )
  },
})
