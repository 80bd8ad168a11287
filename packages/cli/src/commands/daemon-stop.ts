import type { Command } from '../command.ts'
import { stopDaemon } from '@gantry/daemon'
import { defineCommand } from '../command.ts'

/** `gantry daemon stop` */
export const daemonStop: Command = defineCommand({
  name: 'daemon stop',
  summary: 'Stop the daemon; containers go on',
  usage: '',
  arguments: [0, 0],
  flags: {},
  async run({ context }) {
    const stopped = await stopDaemon(await context.site())
    context.out.write(stopped ? 'Stopped the daemon; containers go on\n' : 'The daemon does not run\n')
  },
})
