import type { Command } from '../command.ts'
import { formatReference, parseReference } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { boolean } from '../flags/flag.ts'
import { showTransfer } from '../progress/show-transfer.ts'
import { registryAuth } from '../registry-auth.ts'

/** `gantry push` */
export const push: Command = defineCommand({
  name: 'push',
  aliases: ['image push'],
  summary: 'Upload an image to a registry',
  usage: '[OPTIONS] NAME[:TAG]',
  arguments: [1, 1],
  flags: {
    quiet: boolean('Suppress verbose output', { short: 'q' }),
  },
  async run({ context, flags, args: [name = ''] }) {
    const reference = parseReference(name)
    if (reference.digest !== undefined)
      throw new CliError('INVALID', `Cannot push "${name}": a push needs a tag, and this is a digest`)
    const isBare = !name.slice(name.lastIndexOf('/') + 1).includes(':')
    if (isBare && !flags.quiet) context.out.write('Using default tag: latest\n')
    const store = await openImages(context)
    const auth = await registryAuth(name, context.env)
    const messages = store.push(formatReference(reference), {
      signal: context.signal,
      ...(auth === undefined ? {} : { auth }),
    })
    await showTransfer(messages, context.out, { quiet: flags.quiet })
    if (flags.quiet) context.out.write(`${formatReference(reference)}\n`)
  },
})
