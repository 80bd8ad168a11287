import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { parseFilters } from '../filters.ts'
import { boolean, list } from '../flags/flag.ts'
import { listFormat, templateDetails } from '../format/format-flag.ts'
import { printRows } from '../format/print-rows.ts'
import { shortId } from '../format/short-id.ts'

/** `gantry network ls` */
export const networkLs: Command = defineCommand({
  name: 'network ls',
  summary: 'List networks',
  usage: '[OPTIONS]',
  details: templateDetails,
  arguments: [0, 0],
  flags: {
    filter: list('Provide filter values (e.g. "driver=bridge")', { short: 'f', type: 'filter' }),
    format: listFormat(),
    'no-trunc': boolean('Do not truncate the output'),
    quiet: boolean('Only display network IDs', { short: 'q' }),
  },
  async run({ context, flags }) {
    const { networks } = await context.daemon()
    const rows = await networks.list({ filters: parseFilters(flags.filter) })
    const idOf = (id: string): string => (flags['no-trunc'] ? id : shortId(id))
    if (flags.quiet) {
      context.out.write(rows.map((row) => `${idOf(row.Id)}\n`).join(''))
      return
    }
    printRows(
      context.out,
      rows.toSorted((a, b) => (a.Name < b.Name ? -1 : 1)),
      {
        ID: ['NETWORK ID', (row) => idOf(row.Id)],
        Name: ['NAME', (row) => row.Name],
        Driver: ['DRIVER', (row) => row.Driver],
        Scope: ['SCOPE', (row) => row.Scope],
        IPv4: ['IPV4', (row) => String(row.EnableIPv4)],
        IPv6: ['IPV6', (row) => String(row.EnableIPv6)],
        Internal: ['INTERNAL', (row) => String(row.Internal)],
        Labels: [
          'LABELS',
          (row) =>
            Object.entries(row.Labels)
              .map(([key, value]) => `${key}=${value}`)
              .join(','),
        ],
        CreatedAt: ['CREATED AT', (row) => row.Created],
      },
      {
        format: flags.format,
        shown: ['ID', 'Name', 'Driver', 'Scope'],
        methods: { Label: (row, key) => row.Labels[key] ?? '' },
      },
    )
  },
})
