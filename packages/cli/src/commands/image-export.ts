import type { Command } from '../command.ts'
import { exportTar } from '@gantry/image'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { text } from '../flags/flag.ts'
import { openOne } from '../image-tools/open-one.ts'
import { transportHelp } from '../transports/parse-transport.ts'
import { writeWhole } from '../transports/write-whole.ts'

/** `gantry image export` */
export const imageExport: Command = defineCommand({
  name: 'image export',
  summary: 'Export the root file system of an image as a tar archive',
  usage: '[OPTIONS] IMAGE',
  details: `${transportHelp}

The archive has what a container of the image sees: whiteouts applied, hard links and extended attributes kept. The same image
makes the same bytes.`,
  arguments: [1, 1],
  flags: {
    output: text('Write to a file, instead of STDOUT', { short: 'o' }),
    platform: text('The image for this platform (os/arch[/variant]) instead of this machine’s'),
  },
  async run({ context, flags, args: [name = ''] }) {
    if (flags.output === undefined && context.out.isTerminal) {
      throw new CliError('FAILED', 'Cannot export to a terminal: an archive is no text', {
        hint: 'Use the -o flag or redirect',
      })
    }
    await using opened = await openOne(context, name, flags.platform)
    await writeWhole(context, flags.output ?? '-', exportTar(opened.image, { signal: context.signal }))
  },
})
