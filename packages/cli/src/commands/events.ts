import type { EventMessage } from '@gantry/client'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { parseFilters } from '../filters.ts'
import { list, text } from '../flags/flag.ts'
import { templateDetails, valueFormat } from '../format/format-flag.ts'
import { momentOption } from '../format/moment-option.ts'
import { compileTemplate } from '../template/run-template.ts'

/** `gantry events` */
export const events: Command = defineCommand({
  name: 'events',
  aliases: ['system events'],
  summary: 'Get real time events from the daemon',
  usage: '[OPTIONS]',
  details: templateDetails,
  arguments: [0, 0],
  flags: {
    filter: list('Filter output based on conditions provided', { short: 'f', type: 'filter' }),
    format: { ...valueFormat(), short: undefined },
    since: text('Show all events created since timestamp'),
    until: text('Stream events until this timestamp'),
  },
  async run({ context, flags }) {
    const template =
      flags.format === undefined ? line : flags.format === 'json' ? JSON.stringify : compileTemplate(flags.format)
    const client = await context.daemon()
    const stream = client.events({
      filters: parseFilters(flags.filter),
      ...momentOption('since', flags.since),
      ...momentOption('until', flags.until),
      signal: context.signal,
    })
    try {
      for await (const event of stream) context.out.write(`${template(event)}\n`)
    } catch (error) {
      if (!context.signal.aborted) throw error
    }
  },
})

function line(event: EventMessage): string {
  const attributes = Object.entries(event.Actor.Attributes).map(([key, value]) => `${key}=${value}`)
  const time = new Date(event.time * 1000)
    .toISOString()
    .replace(/\.\d+Z$/, `.${String(BigInt(Math.round(event.timeNano)) % 1_000_000_000n).padStart(9, '0')}Z`)
  return `${time} ${event.Type} ${event.Action} ${event.Actor.ID}${attributes.length === 0 ? '' : ` (${attributes.join(', ')})`}`
}
