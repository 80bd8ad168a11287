import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { boolean } from '../flags/flag.ts'
import { listFormat, templateDetails } from '../format/format-flag.ts'
import { printRows } from '../format/print-rows.ts'

/** `gantry secret ls` */
export const secretLs: Command = defineCommand({
  name: 'secret ls',
  aliases: ['secret list'],
  summary: 'List secrets',
  usage: '[OPTIONS]',
  details: templateDetails,
  arguments: [0, 0],
  flags: { format: listFormat(), quiet: boolean('Only display names', { short: 'q' }) },
  async run({ context, flags }) {
    const { secrets } = await context.daemon()
    const rows = await secrets.list()
    if (flags.quiet) {
      context.out.write(rows.map((row) => `${row.Name}\n`).join(''))
      return
    }
    const columns = {
      Name: ['NAME', (row: (typeof rows)[number]) => row.Name],
      CreatedAt: ['CREATED', (row: (typeof rows)[number]) => row.CreatedAt],
      Size: ['SIZE', (row: (typeof rows)[number]) => String(row.Size)],
    } as const
    printRows(context.out, rows, columns, { format: flags.format, shown: ['Name', 'CreatedAt', 'Size'] })
  },
})
