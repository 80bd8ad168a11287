import type { Command } from '../command.ts'
import { openBuildCache } from '../build/open-build-cache.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { parseFilters } from '../filters.ts'
import { boolean, list, text } from '../flags/flag.ts'
import { humanAge, parseMoment } from '../format/human-duration.ts'
import { humanSize, parseBytes } from '../format/human-size.ts'
import { tabulate } from '../format/tabulate.ts'
import { ask } from '../term/ask.ts'

/** `gantry builder prune` */
export const builderPrune: Command = defineCommand({
  name: 'builder prune',
  aliases: ['buildx prune', 'build prune'],
  summary: 'Remove what builds keep for later ones',
  usage: '[OPTIONS]',
  details: `Layers of steps, file systems that steps ran on, downloads of ADD, and cache mounts. What an image, a container or a build that runs
needs stays. With --all, steps whose layers images have are forgotten too, and the digests of files. Filters: until=24h or a date (not
used since then).`,
  arguments: [0, 0],
  flags: {
    all: boolean('Also forget steps whose layers images have, and the digests of files', { short: 'a' }),
    'dry-run': boolean('Show what would be removed'),
    filter: list('Provide filter values ("until=24h")', { type: 'filter' }),
    force: boolean('Do not prompt for confirmation', { short: 'f' }),
    'keep-storage': text('Remove the longest unused until no more than this is left (such as "10GB")', {
      type: 'bytes',
    }),
    'max-used-space': text('The same as --keep-storage', { type: 'bytes' }),
    verbose: boolean('List everything that is removed', { short: 'v' }),
  },
  async run({ context, flags }) {
    const budget = flags['keep-storage'] ?? flags['max-used-space']
    const options = {
      all: flags.all,
      dryRun: flags['dry-run'],
      signal: context.signal,
      ...unusedFor(flags.filter),
      ...(budget === undefined ? {} : { keepBytes: bytesOf(budget) }),
    }
    if (!flags.force && !flags['dry-run']) {
      if (!process.stdin.isTTY) {
        throw new CliError(
          'INVALID',
          'Cannot ask whether to remove the build cache: standard input is not a terminal',
          {
            hint: 'Give --force to remove it without being asked',
          },
        )
      }
      context.err.write('WARNING! This will remove what builds keep for later ones.\n')
      if (!/^y(es)?$/i.test(await ask('Are you sure you want to continue? [y/N] '))) return 1
    }
    const { pruneCache } = await import('@gantry/builder')
    const { removed, bytes } = await pruneCache(await openBuildCache(context), options)
    if ((flags.verbose || flags['dry-run']) && removed.length > 0) {
      const now = Date.now()
      const rows = removed.map(({ kind, size, used, description }) => [
        kind,
        humanSize(size),
        humanAge(used, now),
        description.replaceAll(/\s+/g, ' ').slice(0, 100),
      ])
      context.out.write(`${tabulate([['TYPE', 'SIZE', 'LAST USED', 'DESCRIPTION'], ...rows])}\n`)
    }
    context.out.write(`Total${flags['dry-run'] ? ' that would be' : ''} reclaimed space: ${humanSize(bytes)}\n`)
    return 0
  },
})

function unusedFor(filters: readonly string[]): { readonly unusedFor?: number } {
  const { until = [], 'unused-for': unused = [], ...others } = parseFilters(filters)
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) {
    throw new CliError('INVALID', `Cannot filter the build cache by "${unknown}"`, { hint: 'It knows until=24h' })
  }
  const [first] = [...until, ...unused]
  if (first === undefined) return {}
  const now = Date.now()
  try {
    return { unusedFor: now - Number(parseMoment(first, now)) * 1000 }
  } catch (error) {
    throw new CliError(
      'INVALID',
      `Cannot use until=${first}: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

function bytesOf(written: string): number {
  try {
    return parseBytes(written)
  } catch (error) {
    throw new CliError('INVALID', `Cannot use the budget "${written}": ${error instanceof Error ? error.message : ''}`)
  }
}
