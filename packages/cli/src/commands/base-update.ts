import type { Command } from '../command.ts'
import { defaultDeclaration, openDeclaration, relock } from '../base/declaration.ts'
import { printChanges } from '../base/tell-base.ts'
import { defineCommand } from '../command.ts'
import { boolean, text } from '../flags/flag.ts'

/** `gantry base update` */
export const baseUpdate: Command = defineCommand({
  name: 'base update',
  summary: 'Lock the newest packages of a declared image, and show what changes',
  usage: '[OPTIONS] [FILE]',
  details: `Prints a line for each package that is new (+), gone (-) or of another version (~). FILE is ${defaultDeclaration} when none is named.`,
  arguments: [0, 1],
  flags: {
    'dry-run': boolean('Show what would change, and write nothing'),
    mirror: text('Address of a mirror that has the release', { type: 'url' }),
    quiet: boolean('Print what changes only', { short: 'q' }),
  },
  async run({ context, flags, args: [file = defaultDeclaration] }) {
    const opened = await openDeclaration(file)
    const options = { quiet: flags.quiet, verbose: false, mirror: flags.mirror, dryRun: flags['dry-run'] }
    const { changes } = await relock(context, opened, options)
    printChanges(context.out, changes)
    if (changes.length === 0 && !flags.quiet) context.err.write('Nothing changes\n')
  },
})
