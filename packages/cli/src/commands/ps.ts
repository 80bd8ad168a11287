import type { ContainerSummary } from '@gantry/client'
import type { Command } from '../command.ts'
import type { Columns } from '../format/print-rows.ts'
import { defineCommand } from '../command.ts'
import { parseFilters } from '../filters.ts'
import { boolean, integer, list } from '../flags/flag.ts'
import { listFormat, templateDetails } from '../format/format-flag.ts'
import { formatPorts } from '../format/format-ports.ts'
import { humanAge } from '../format/human-duration.ts'
import { humanSize } from '../format/human-size.ts'
import { printRows } from '../format/print-rows.ts'
import { ellipsis, shortId } from '../format/short-id.ts'

/** `gantry ps` */
export const ps: Command = defineCommand({
  name: 'ps',
  aliases: ['container ls', 'container list', 'container ps'],
  summary: 'List containers',
  usage: '[OPTIONS]',
  details: templateDetails,
  arguments: [0, 0],
  flags: {
    all: boolean('Show all containers (default shows just running)', { short: 'a' }),
    filter: list('Filter output based on conditions provided', { short: 'f', type: 'filter' }),
    format: listFormat(),
    last: integer('Show n last created containers (includes all states)', { short: 'n', initial: -1 }),
    latest: boolean('Show the latest created container (includes all states)', { short: 'l' }),
    'no-trunc': boolean("Don't truncate output"),
    quiet: boolean('Only display container IDs', { short: 'q' }),
    size: boolean('Display total file sizes', { short: 's' }),
  },
  async run({ context, flags }) {
    const limit = flags.latest ? 1 : (flags.last ?? -1)
    const filters = parseFilters(flags.filter)
    const { containers } = await context.daemon()
    const rows = await containers.list({
      all: flags.all || limit > 0,
      filters,
      ...(limit > 0 ? { limit } : {}),
      ...(flags.size || flags.format?.includes('.Size') === true ? { size: true } : {}),
    })
    const idOf = (row: ContainerSummary): string => (flags['no-trunc'] ? row.Id : shortId(row.Id))
    if (flags.quiet && flags.format === undefined) {
      context.out.write(rows.map((row) => `${idOf(row)}\n`).join(''))
      return
    }
    const now = Date.now()
    const columns: Columns<ContainerSummary> = {
      ID: ['CONTAINER ID', idOf],
      Image: [
        'IMAGE',
        (row) =>
          flags['no-trunc'] ? row.Image : /^(sha256:)?[0-9a-f]{64}$/.test(row.Image) ? shortId(row.Image) : row.Image,
      ],
      Command: ['COMMAND', (row) => `"${flags['no-trunc'] ? row.Command : ellipsis(row.Command, 20)}"`],
      CreatedAt: ['CREATED AT', (row) => localTime(row.Created * 1000)],
      RunningFor: ['CREATED', (row) => humanAge(row.Created * 1000, now)],
      Status: ['STATUS', (row) => row.Status],
      Ports: ['PORTS', (row) => formatPorts(row.Ports)],
      State: ['STATE', (row) => row.State],
      Names: ['NAMES', (row) => row.Names.map((name) => name.replace(/^\//, '')).join(',')],
      Size: ['SIZE', sizeOf],
      Labels: [
        'LABELS',
        (row) =>
          Object.entries(row.Labels)
            .map(([key, value]) => `${key}=${value}`)
            .join(','),
      ],
      Mounts: ['MOUNTS', (row) => row.Mounts.map((mount) => mount.Name ?? mount.Source).join(',')],
      Networks: ['NETWORKS', (row) => Object.keys(row.NetworkSettings.Networks).join(',')],
      LocalVolumes: ['LOCAL VOLUMES', (row) => String(row.Mounts.filter((mount) => mount.Type === 'volume').length)],
    }
    printRows(context.out, rows, columns, {
      format: flags.format,
      shown: ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names', ...(flags.size ? ['Size'] : [])],
      methods: { Label: (row, key) => row.Labels[key] ?? '' },
    })
  },
})

function sizeOf(row: ContainerSummary): string {
  const own = humanSize(row.SizeRw ?? 0)
  return row.SizeRootFs === undefined || row.SizeRootFs === 0 ? own : `${own} (virtual ${humanSize(row.SizeRootFs)})`
}

/** As Go prints a local time: `2024-01-31 12:00:00 +0100 CET`. */
function localTime(time: number): string {
  const date = new Date(time)
  const two = (value: number): string => String(value).padStart(2, '0')
  const offset = -date.getTimezoneOffset()
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`
  const name = /\(([^)]+)\)/.exec(date.toString())?.[1] ?? ''
  const short = name.includes(' ')
    ? name
        .split(' ')
        .map((word) => word.charAt(0))
        .join('')
    : name
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone} ${short}`
}
