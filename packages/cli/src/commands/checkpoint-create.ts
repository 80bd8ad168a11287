import type { Command } from '../command.ts'
import { resolve } from 'node:path'
import { defineCommand } from '../command.ts'
import { boolean, text } from '../flags/flag.ts'

/** `gantry checkpoint create` */
export const checkpointCreate: Command = defineCommand({
  name: 'checkpoint create',
  summary: 'Create a checkpoint from a running container',
  usage: '[OPTIONS] CONTAINER CHECKPOINT',
  details: `The memory and state of the container's processes are written to files by CRIU; "gantry start --checkpoint" makes them go on from
there. What the container has written to its file system is not in it: that stays with the container. Connected TCP sockets cannot
be written down.`,
  arguments: [2, 2],
  flags: {
    'checkpoint-dir': text('Use a custom checkpoint storage directory', { type: 'directory' }),
    'leave-running': boolean('Leave the container running after checkpoint'),
  },
  async run({ context, flags, args: [container = '', name = ''] }) {
    const { checkpoints } = await context.daemon()
    const directory = flags['checkpoint-dir']
    await checkpoints.create(container, name, {
      leaveRunning: flags['leave-running'],
      directory: directory === undefined ? undefined : resolve(directory),
    })
    context.out.write(`${name}\n`)
  },
})
