import type { Command } from '../command.ts'
import { openBuildCache } from '../build/open-build-cache.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { humanSize, parseBytes } from '../format/human-size.ts'

/** `gantry builder budget` */
export const builderBudget: Command = defineCommand({
  name: 'builder budget',
  aliases: ['build budget'],
  summary: 'Show or set how much what builds keep may take',
  usage: '[SIZE | none]',
  details: `After a build that made something new, at most every ten minutes, what was unused for longest is removed until the rest is within the
budget, as "gantry builder prune --keep-storage SIZE" does it. Without an argument it shows the budget. Default: none.`,
  arguments: [0, 1],
  flags: {},
  async run({ context, args: [size] }) {
    const { cacheBudget, setCacheBudget } = await import('@gantry/builder')
    const { state } = await openBuildCache(context)
    if (size !== undefined) setCacheBudget(state, size === 'none' ? undefined : bytesOf(size))
    const budget = cacheBudget(state)
    context.out.write(`${budget === undefined ? 'none' : humanSize(budget)}\n`)
    return 0
  },
})

function bytesOf(size: string): number {
  try {
    return parseBytes(size)
  } catch (error) {
    throw new CliError('INVALID', `Cannot use the budget "${size}": ${error instanceof Error ? error.message : ''}`, {
      hint: 'for example 20GB, or none',
    })
  }
}
