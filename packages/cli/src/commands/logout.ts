import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { storeCredentials } from '../docker-config.ts'

/** `gantry logout` */
export const logout: Command = defineCommand({
  name: 'logout',
  summary: 'Log out from a registry',
  usage: '[SERVER]',
  arguments: [0, 1],
  flags: {},
  async run({ context, args: [server = 'docker.io'] }) {
    const had = await storeCredentials(server, undefined, context.env)
    context.out.write(had ? `Removing login credentials for ${server}\n` : `Not logged in to ${server}\n`)
  },
})
