import type { Command } from '../command.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { copyIn } from '../container-files/copy-in.ts'
import { copyOut } from '../container-files/copy-out.ts'
import { parsePlace } from '../container-files/copy-plan.ts'
import { boolean } from '../flags/flag.ts'

/** `gantry cp` */
export const cp: Command = defineCommand({
  name: 'cp',
  aliases: ['container cp'],
  summary: 'Copy files/folders between a container and the local filesystem',
  usage: '[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n       gantry cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
  details: `A dash is a tar archive from standard input or to standard output. "DIR/." is the content of a directory. The container may
run or not; volumes and binds are seen either way.`,
  arguments: [2, 2],
  flags: {
    archive: boolean('Archive mode (copy all uid/gid information)', { short: 'a' }),
    'follow-link': boolean('Always follow symbol link in SRC_PATH', { short: 'L' }),
    quiet: boolean('Suppress progress output (there is none)', { short: 'q' }),
  },
  async run({ context, flags, args: [source = '', target = ''] }) {
    const options = { archive: flags.archive, followLink: flags['follow-link'] }
    const [from, to] = [parsePlace(source), parsePlace(target)]
    if (from.kind === 'container' && to.kind === 'container')
      throw new CliError('INVALID', 'Cannot copy between containers: copy to this machine first')
    if (from.kind === 'container') {
      if (to.kind === 'stream' && context.out.isTerminal)
        throw new CliError('FAILED', 'Cannot copy to a terminal: an archive is no text', {
          hint: 'Redirect the output',
        })
      const path = to.kind === 'local' ? to.path : undefined
      await copyOut(context, await context.daemon(), { ...from, to: path, options })
      return
    }
    if (to.kind !== 'container')
      throw new CliError(
        'INVALID',
        'Cannot copy: neither "SRC_PATH" nor "DEST_PATH" names a container (CONTAINER:PATH)',
      )
    const path = from.kind === 'local' ? from.path : undefined
    await copyIn(context, await context.daemon(), { ...to, from: path, options })
  },
})
