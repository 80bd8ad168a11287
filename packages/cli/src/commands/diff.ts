import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'

const letters = ['C', 'A', 'D'] as const

/** `gantry diff` */
export const diff: Command = defineCommand({
  name: 'diff',
  aliases: ['container diff'],
  summary: "Inspect changes to files or directories on a container's filesystem",
  usage: 'CONTAINER',
  arguments: [1, 1],
  flags: {},
  async run({ context, args: [name = ''] }) {
    const { containers } = await context.daemon()
    for (const { Path, Kind } of await containers.changes(name)) context.out.write(`${letters[Kind]} ${Path}\n`)
  },
})
