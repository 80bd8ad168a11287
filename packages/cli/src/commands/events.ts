import type { EventMessage } from '@gantry/client'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { parseFilters } from '../filters.ts'
import { list, text } from '../flags/flag.ts'
import { templateDetails, valueFormat } from '../format/format-flag.ts'
import { EventCursor } from '../follow/event-cursor.ts'
import { reconnecting } from '../follow/reconnecting.ts'
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
    const began = Date.now() / 1000
    const cursor = new EventCursor(began)
    const until = momentOption('until', flags.until)
    let first = true
    try {
      await reconnecting(context, async (client) => {
        const since = first ? momentOption('since', flags.since) : { since: cursor.since }
        const stream = client.events({
          filters: parseFilters(flags.filter),
          ...since,
          ...until,
          signal: context.signal,
        })
        const again = !first
        first = false
        for await (const event of stream) {
          const isNew = cursor.take(event)
          // What was there before this command began was not asked for.
          if (isNew && !(again && flags.since === undefined && event.timeNano / 1e9 < began))
            context.out.write(`${template(event)}\n`)
        }
      })
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
