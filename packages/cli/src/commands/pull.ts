import type { Command } from '../command.ts'
import { formatReference, parseReference } from '@gantry/oci'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { boolean, text } from '../flags/flag.ts'
import { showTransfer } from '../progress/show-transfer.ts'
import { registryAuth } from '../registry-auth.ts'

/** `gantry pull` */
export const pull: Command = defineCommand({
  name: 'pull',
  aliases: ['image pull'],
  summary: 'Download an image from a registry',
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  arguments: [1, 1],
  flags: {
    platform: text('Pull the image for this platform (os/arch[/variant]) instead of this machine’s'),
    quiet: boolean('Suppress verbose output', { short: 'q' }),
  },
  async run({ context, flags, args: [name = ''] }) {
    const reference = parseReference(name)
    const isBare = reference.digest === undefined && !name.slice(name.lastIndexOf('/') + 1).includes(':')
    if (isBare && !flags.quiet) context.out.write('Using default tag: latest\n')
    const store = await openImages(context)
    const auth = await registryAuth(name, context.env)
    const messages = store.pull(formatReference(reference), {
      signal: context.signal,
      ...(auth === undefined ? {} : { auth }),
      ...(flags.platform === undefined ? {} : { platform: flags.platform }),
    })
    await showTransfer(messages, context.out, { quiet: flags.quiet })
    context.out.write(`${formatReference(reference)}\n`)
  },
})
