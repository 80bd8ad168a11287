import type { Command } from '../command.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { text } from '../flags/flag.ts'
import { writeWhole } from '../transports/write-whole.ts'

/** `gantry export` */
export const exportContainer: Command = defineCommand({
  name: 'export',
  aliases: ['container export'],
  summary: "Export a container's filesystem as a tar archive",
  usage: '[OPTIONS] CONTAINER',
  details:
    'What is in volumes is not part of the archive. "gantry image export" does it for an image, without a container.',
  arguments: [1, 1],
  flags: { output: text('Write to a file, instead of STDOUT', { short: 'o' }) },
  async run({ context, flags, args: [name = ''] }) {
    if (flags.output === undefined && context.out.isTerminal)
      throw new CliError('FAILED', 'Cannot export to a terminal: an archive is no text', {
        hint: 'Use the -o flag or redirect',
      })
    const { containers } = await context.daemon()
    await writeWhole(context, flags.output ?? '-', await containers.export(name, { signal: context.signal }))
  },
})
