import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { parseFilters } from '../filters.ts'
import { boolean, list } from '../flags/flag.ts'
import { listFormat, templateDetails } from '../format/format-flag.ts'
import { printRows } from '../format/print-rows.ts'

/** `gantry volume ls` */
export const volumeLs: Command = defineCommand({
  name: 'volume ls',
  aliases: ['volume list'],
  summary: 'List volumes',
  usage: '[OPTIONS]',
  details: templateDetails,
  arguments: [0, 0],
  flags: {
    filter: list('Provide filter values (e.g. "dangling=true")', { short: 'f', type: 'filter' }),
    format: listFormat(),
    quiet: boolean('Only display volume names', { short: 'q' }),
  },
  async run({ context, flags }) {
    const { volumes } = await context.daemon()
    const { Volumes: rows } = await volumes.list({ filters: parseFilters(flags.filter) })
    if (flags.quiet) {
      context.out.write(rows.map((row) => `${row.Name}\n`).join(''))
      return
    }
    printRows(
      context.out,
      rows.toSorted((a, b) => (a.Name < b.Name ? -1 : 1)),
      {
        Driver: ['DRIVER', (row) => row.Driver],
        Name: ['VOLUME NAME', (row) => row.Name],
        Scope: ['SCOPE', (row) => row.Scope],
        Mountpoint: ['MOUNTPOINT', (row) => row.Mountpoint],
        Labels: [
          'LABELS',
          (row) =>
            Object.entries(row.Labels)
              .map(([key, value]) => `${key}=${value}`)
              .join(','),
        ],
      },
      { format: flags.format, shown: ['Driver', 'Name'], methods: { Label: (row, key) => row.Labels[key] ?? '' } },
    )
  },
})
