import type { Command } from '../command.ts'
import { formatReference, parseReference } from '@gantry/oci'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { boolean, text } from '../flags/flag.ts'
import { progressDetails, progressFlag } from '../progress/progress-flag.ts'
import { showTransfer } from '../progress/show-transfer.ts'
import { registryAuth } from '../registry-auth.ts'

/** `gantry pull` */
export const pull: Command = defineCommand({
  name: 'pull',
  aliases: ['image pull'],
  summary: 'Download an image from a registry',
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  details: `A pull that was broken off, or killed, goes on where it was.\n${progressDetails}`,
  arguments: [1, 1],
  flags: {
    platform: text('Pull the image for this platform (os/arch[/variant]) instead of this machine’s'),
    progress: progressFlag,
    quiet: boolean('Suppress verbose output', { short: 'q' }),
  },
  async run({ context, flags, args: [name = ''] }) {
    const reference = parseReference(name)
    const isPlain = !flags.quiet && flags.progress !== 'json'
    const isBare = reference.digest === undefined && !name.slice(name.lastIndexOf('/') + 1).includes(':')
    if (isBare && isPlain) context.out.write('Using default tag: latest\n')
    const store = await openImages(context)
    const auth = await registryAuth(name, context.env)
    const messages = store.pull(formatReference(reference), {
      signal: context.signal,
      ...(auth === undefined ? {} : { auth }),
      ...(flags.platform === undefined ? {} : { platform: flags.platform }),
    })
    const full = formatReference(reference)
    const subject = { verb: 'pull', reference: full } as const
    await showTransfer(messages, context.out, { quiet: flags.quiet, progress: flags.progress, subject })
    if (flags.progress !== 'json' || flags.quiet) context.out.write(`${full}\n`)
  },
})
