import type { Command } from '../command.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'

/** `gantry port` */
export const port: Command = defineCommand({
  name: 'port',
  aliases: ['container port'],
  summary: 'List port mappings or a specific mapping for the container',
  usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
  arguments: [1, 2],
  flags: {},
  async run({ context, args: [name = '', wanted] }) {
    const { containers } = await context.daemon()
    const { NetworkSettings } = await containers.inspect(name)
    const addresses = Object.entries(NetworkSettings.Ports).flatMap(([port, bindings]) =>
      (bindings ?? []).map(({ HostIp = '', HostPort = '' }) => ({
        port,
        address: `${HostIp.includes(':') ? `[${HostIp}]` : HostIp}:${HostPort}`,
      })),
    )
    if (wanted === undefined) {
      context.out.write(addresses.map(({ port, address }) => `${port} -> ${address}\n`).join(''))
      return
    }
    const key = wanted.includes('/') ? wanted : `${wanted}/tcp`
    const found = addresses.filter(({ port }) => port === key)
    if (found.length === 0) throw new CliError('NOT_FOUND', `No public port '${key}' published for ${name}`)
    context.out.write(found.map(({ address }) => `${address}\n`).join(''))
  },
})
