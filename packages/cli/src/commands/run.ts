import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { containerFlags } from '../container/container-flags.ts'
import { runContainer } from '../container/run-container.ts'
import { boolean, text } from '../flags/flag.ts'

/** `gantry run` */
export const run: Command = defineCommand({
  name: 'run',
  aliases: ['container run'],
  summary: 'Create and run a new container from an image',
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  arguments: [1],
  stopAtFirstArgument: true,
  failure: 125,
  flags: {
    ...containerFlags,
    detach: boolean('Run container in background and print container ID', { short: 'd' }),
    'detach-keys': text('Override the key sequence for detaching a container'),
    'sig-proxy': boolean('Proxy received signals to the process', { initial: true }),
  },
  run: ({ context, flags, args: [image = '', ...command] }) => runContainer(context, flags, image, command),
})
