import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { exitCodes } from '../exit-code.ts'
import { boolean, text } from '../flags/flag.ts'
import { momentOption } from '../format/moment-option.ts'

/** `gantry logs` */
export const logs: Command = defineCommand({
  name: 'logs',
  aliases: ['container logs'],
  summary: 'Fetch the logs of a container',
  usage: '[OPTIONS] CONTAINER',
  arguments: [1, 1],
  flags: {
    details: boolean('Show extra details provided to logs'),
    follow: boolean('Follow log output', { short: 'f' }),
    since: text('Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)'),
    tail: text('Number of lines to show from the end of the logs', { short: 'n', initial: 'all' }),
    timestamps: boolean('Show timestamps', { short: 't' }),
    until: text('Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)'),
  },
  async run({ context, flags, args: [name = ''] }) {
    const { tail } = flags
    const { containers } = await context.daemon()
    const output = await containers.logs(name, {
      follow: flags.follow,
      details: flags.details,
      timestamps: flags.timestamps,
      ...(tail === undefined || tail === 'all' || !/^\d+$/.test(tail) ? {} : { tail }),
      ...momentOption('since', flags.since),
      ...momentOption('until', flags.until),
      ...(flags.follow ? { signal: context.signal } : {}),
    })
    try {
      for await (const { stream, data } of output) await (stream === 'stdout' ? context.out : context.err).stream(data)
    } catch (error) {
      // Following ends when the person says so.
      if (!flags.follow || !context.signal.aborted) throw error
      return exitCodes.interrupted
    }
    return 0
  },
})
