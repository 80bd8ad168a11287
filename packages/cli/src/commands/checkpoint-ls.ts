import type { Command } from '../command.ts'
import { resolve } from 'node:path'
import { defineCommand } from '../command.ts'
import { text } from '../flags/flag.ts'

/** `gantry checkpoint ls` */
export const checkpointLs: Command = defineCommand({
  name: 'checkpoint ls',
  aliases: ['checkpoint list'],
  summary: 'List checkpoints for a container',
  usage: '[OPTIONS] CONTAINER',
  arguments: [1, 1],
  flags: { 'checkpoint-dir': text('Use a custom checkpoint storage directory', { type: 'directory' }) },
  async run({ context, flags, args: [container = ''] }) {
    const { checkpoints } = await context.daemon()
    const directory = flags['checkpoint-dir']
    const found = await checkpoints.list(container, {
      directory: directory === undefined ? undefined : resolve(directory),
    })
    context.out.write(['CHECKPOINT NAME', ...found.map(({ Name }) => Name)].map((line) => `${line}\n`).join(''))
  },
})
