import { readFileSync } from 'node:fs'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { readLabels } from '../container/read-env.ts'
import { list } from '../flags/flag.ts'

/** `gantry secret create` */
export const secretCreate: Command = defineCommand({
  name: 'secret create',
  summary: 'Create a secret from a file or STDIN as content',
  usage: '[OPTIONS] SECRET file|-',
  arguments: [2, 2],
  flags: { label: list('Secret labels', { short: 'l' }) },
  async run({ context, flags, args: [name = '', file = '-'] }) {
    const value = readFileSync(file === '-' ? 0 : file)
    const { secrets } = await context.daemon()
    const { Name } = await secrets.create(name, value, { labels: readLabels([], flags.label) })
    context.out.write(`${Name}\n`)
  },
})
