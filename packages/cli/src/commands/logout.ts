import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { registryOf } from '../registry-of.ts'

/** `gantry logout` */
export const logout: Command = defineCommand({
  name: 'logout',
  summary: 'Log out from a registry',
  usage: '[SERVER]',
  details: 'Defaults to Docker Hub if no server is specified.',
  arguments: [0, 1],
  flags: {},
  async run({ context, args: [server] }) {
    const registry = registryOf(server)
    const { forgetCredential } = await import('@gantry/registry-client')
    const had = await forgetCredential(registry, context.env)
    context.out.write(had ? `Removing login credentials for ${registry}\n` : `Not logged in to ${registry}\n`)
  },
})
