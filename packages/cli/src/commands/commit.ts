import type { Command } from '../command.ts'
import { formatReference, parseReference } from '@gantry/oci'
import { defineCommand } from '../command.ts'
import { boolean, list, text } from '../flags/flag.ts'

/** `gantry commit` */
export const commit: Command = defineCommand({
  name: 'commit',
  aliases: ['container commit'],
  summary: "Create a new image from a container's changes",
  usage: '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]',
  details: 'What is in volumes is not part of the image. Without a name it is called localhost/committed:ID.',
  arguments: [1, 2],
  flags: {
    author: text('Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', { short: 'a' }),
    change: list('Apply Dockerfile instruction to the created image', { short: 'c' }),
    message: text('Commit message', { short: 'm' }),
    pause: boolean('Pause container during commit', { short: 'p', initial: true }),
  },
  async run({ context, flags, args: [container = '', name] }) {
    const { containers } = await context.daemon()
    const id = await containers.commit(container, {
      pause: flags.pause,
      changes: flags.change,
      ...(name === undefined ? {} : { repo: formatReference(parseReference(name)) }),
      ...(flags.author === undefined ? {} : { author: flags.author }),
      ...(flags.message === undefined ? {} : { comment: flags.message }),
    })
    context.out.write(`${id}\n`)
  },
})
