import type { Command } from '../command.ts'
import { basename } from 'node:path'
import { defaultDeclaration, isCurrent, openDeclaration, relock } from '../base/declaration.ts'
import { printChanges } from '../base/tell-base.ts'
import { defineCommand } from '../command.ts'
import { boolean, text } from '../flags/flag.ts'

/** `gantry base lock` */
export const baseLock: Command = defineCommand({
  name: 'base lock',
  summary: 'Choose the packages of a declared image, with versions and digests',
  usage: '[OPTIONS] [FILE]',
  details: `FILE (default: ${defaultDeclaration}) declares the image; the lock is written beside it. What is locked stays until the
declaration changes, or until "gantry base update" chooses newer versions. Lists of packages are verified by APT.`,
  arguments: [0, 1],
  flags: {
    mirror: text('Address of a mirror that has the release', { type: 'url' }),
    quiet: boolean('Print nothing', { short: 'q' }),
  },
  async run({ context, flags, args: [file = defaultDeclaration] }) {
    const opened = await openDeclaration(file)
    if (isCurrent(opened)) {
      if (!flags.quiet) context.out.write(`${basename(opened.lockPath)} is up to date with ${file}\n`)
      return
    }
    const options = { quiet: flags.quiet, verbose: false, mirror: flags.mirror, dryRun: false }
    const { changes } = await relock(context, opened, options)
    if (!flags.quiet) printChanges(context.out, changes)
  },
})
