import type { Command } from '../command.ts'
import { resolve } from 'node:path'
import { defineCommand } from '../command.ts'
import { text } from '../flags/flag.ts'

/** `gantry checkpoint rm` */
export const checkpointRm: Command = defineCommand({
  name: 'checkpoint rm',
  aliases: ['checkpoint remove'],
  summary: 'Remove a checkpoint',
  usage: '[OPTIONS] CONTAINER CHECKPOINT',
  arguments: [2, 2],
  flags: { 'checkpoint-dir': text('Specify the checkpoint storage directory', { type: 'directory' }) },
  async run({ context, flags, args: [container = '', name = ''] }) {
    const { checkpoints } = await context.daemon()
    const directory = flags['checkpoint-dir']
    await checkpoints.remove(container, name, { directory: directory === undefined ? undefined : resolve(directory) })
  },
})
