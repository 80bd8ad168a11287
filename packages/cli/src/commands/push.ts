import type { Command } from '../command.ts'
import { formatReference, parseReference } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { boolean } from '../flags/flag.ts'
import { progressDetails, progressFlag } from '../progress/progress-flag.ts'
import { showTransfer } from '../progress/show-transfer.ts'
import { registryAuth } from '../registry-auth.ts'

/** `gantry push` */
export const push: Command = defineCommand({
  name: 'push',
  aliases: ['image push'],
  summary: 'Upload an image to a registry',
  usage: '[OPTIONS] NAME[:TAG]',
  details: `A push that was broken off goes on where the registry still has it.\n${progressDetails}`,
  arguments: [1, 1],
  flags: {
    progress: progressFlag,
    quiet: boolean('Suppress verbose output', { short: 'q' }),
  },
  async run({ context, flags, args: [name = ''] }) {
    const reference = parseReference(name)
    if (reference.digest !== undefined)
      throw new CliError('INVALID', `Cannot push "${name}": a push needs a tag, and this is a digest`)
    const isBare = !name.slice(name.lastIndexOf('/') + 1).includes(':')
    if (isBare && !flags.quiet && flags.progress !== 'json') context.out.write('Using default tag: latest\n')
    const store = await openImages(context)
    const auth = await registryAuth(name, context.env)
    const messages = store.push(formatReference(reference), {
      signal: context.signal,
      ...(auth === undefined ? {} : { auth }),
    })
    const subject = { verb: 'push', reference: formatReference(reference) } as const
    await showTransfer(messages, context.out, { quiet: flags.quiet, progress: flags.progress, subject })
    if (flags.quiet) context.out.write(`${subject.reference}\n`)
  },
})
