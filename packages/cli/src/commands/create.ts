import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { containerFlags } from '../container/container-flags.ts'
import { createContainer } from '../container/create-container.ts'
import { toCreateBody } from '../container/to-create-body.ts'

/** `gantry create` */
export const create: Command = defineCommand({
  name: 'create',
  aliases: ['container create'],
  summary: 'Create a new container',
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  arguments: [1],
  stopAtFirstArgument: true,
  flags: containerFlags,
  async run({ context, flags, args: [image = '', ...command] }) {
    const body = toCreateBody({ flags, image, command, env: context.env, detach: false })
    const id = await createContainer(context, await context.daemon(), body, flags)
    context.out.write(`${id}\n`)
  },
})
