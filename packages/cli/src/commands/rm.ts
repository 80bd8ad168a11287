import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { each } from '../each.ts'
import { boolean } from '../flags/flag.ts'

/** `gantry rm` */
export const rm: Command = defineCommand({
  name: 'rm',
  aliases: ['container rm', 'container remove'],
  summary: 'Remove one or more containers',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  arguments: [1],
  flags: {
    force: boolean('Force the removal of a running container (uses SIGKILL)', { short: 'f' }),
    volumes: boolean('Remove anonymous volumes associated with the container', { short: 'v' }),
  },
  async run({ context, flags, args }) {
    const { containers } = await context.daemon()
    return each(context, args, async (name) => {
      await containers.remove(name, { force: flags.force, volumes: flags.volumes })
      return name
    })
  },
})
