import type { CacheEntry } from '@gantry/builder'
import type { Command } from '../command.ts'
import { openBuildCache } from '../build/open-build-cache.ts'
import { defineCommand } from '../command.ts'
import { boolean } from '../flags/flag.ts'
import { listFormat, templateDetails } from '../format/format-flag.ts'
import { humanAge } from '../format/human-duration.ts'
import { humanSize } from '../format/human-size.ts'
import { printRows } from '../format/print-rows.ts'

/** `gantry builder du` */
export const builderDu: Command = defineCommand({
  name: 'builder du',
  aliases: ['builder df', 'buildx du', 'build du', 'build df'],
  summary: 'Show what builds keep for later ones, and how much room it takes',
  usage: '[OPTIONS]',
  details: `Layers of steps, file systems that steps ran on, downloads of ADD, and cache mounts, the longest unused first. A shared layer is
an image's too: it takes no room of its own.
${templateDetails}`,
  arguments: [0, 0],
  flags: {
    format: listFormat(),
    verbose: boolean('Do not truncate descriptions', { short: 'v' }),
  },
  async run({ context, flags }) {
    const { listCache } = await import('@gantry/builder')
    const entries = await listCache(await openBuildCache(context))
    const now = Date.now()
    printRows(
      context.out,
      entries,
      {
        ID: ['ID', ({ id }) => (flags.verbose ? id : id.replace(/^sha256:/, '').slice(0, 12))],
        Type: ['TYPE', ({ kind }) => kind],
        Size: ['SIZE', ({ size }) => humanSize(size)],
        Shared: ['SHARED', ({ shared }) => String(shared)],
        LastUsed: ['LAST USED', ({ used }) => humanAge(used, now)],
        Description: ['DESCRIPTION', ({ description }) => shown(description, flags.verbose)],
      },
      { format: flags.format, shown: ['ID', 'Type', 'Size', 'Shared', 'LastUsed', 'Description'] },
    )
    if (flags.format !== undefined) return
    const sum = (chosen: readonly CacheEntry[]): string =>
      humanSize(chosen.reduce((total, { size }) => total + size, 0))
    const own = entries.filter(({ shared }) => !shared)
    context.out.write(`\nShared:\t\t${sum(entries.filter(({ shared }) => shared))}\n`)
    context.out.write(`Reclaimable:\t${sum(own)}\nTotal:\t\t${sum(entries)}\n`)
  },
})

function shown(text: string, whole: boolean): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return whole || line.length <= 60 ? line : `${line.slice(0, 59)}…`
}
