import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { boolean } from '../flags/flag.ts'
import { valueFormat } from '../format/format-flag.ts'
import { version as gantryVersion } from '../version.ts'

/** `gantry version` */
export const version: Command = defineCommand({
  name: 'version',
  summary: 'Show the version of Gantry',
  usage: '[OPTIONS]',
  details: 'The daemon is asked only with --server, or by a template that names .Server.',
  arguments: [0, 0],
  flags: {
    format: valueFormat(),
    server: boolean('Ask the daemon too', { short: 's' }),
    short: boolean('Print one line'),
  },
  async run({ context, flags }) {
    if (flags.short) {
      context.out.write(`Gantry version ${gantryVersion}\n`)
      return
    }
    const client = {
      Version: gantryVersion,
      NodeVersion: process.version.slice(1),
      Os: process.platform,
      Arch: process.arch === 'x64' ? 'amd64' : process.arch,
    }
    const isAsked = flags.server || flags.format === 'json' || flags.format?.includes('.Server') === true
    const server = isAsked ? await (await context.daemon({ autostart: false })).version() : undefined
    if (flags.format !== undefined) {
      const { compileTemplate } = await import('../template/run-template.ts')
      const value = { Client: client, Server: server ?? null }
      context.out.write(`${flags.format === 'json' ? JSON.stringify(value) : compileTemplate(flags.format)(value)}\n`)
      return
    }
    context.out.write(
      `Gantry:\n Version:           ${client.Version}\n Node version:      ${client.NodeVersion}\n OS/Arch:           ${client.Os}/${client.Arch}\n`,
    )
    if (server === undefined) return
    context.out.write(
      `\nDaemon:\n Version:           ${server.Version}\n API version:       ${server.ApiVersion} (minimum version ${server.MinAPIVersion})\n OS/Arch:           ${server.Os}/${server.Arch}\n Kernel:            ${server.KernelVersion}\n`,
    )
  },
})
