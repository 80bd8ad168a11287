import type { Client, LogFrame } from '@gantry/client'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { defineCommand } from '../command.ts'
import { exitCodes } from '../exit-code.ts'
import { boolean, text } from '../flags/flag.ts'
import { LogCursor } from '../follow/log-cursor.ts'
import { reconnecting } from '../follow/reconnecting.ts'
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
    const { tail, follow } = flags
    const cursor = new LogCursor({ keepsTimes: flags.timestamps })
    // Where nothing was seen yet when the daemon goes away, what comes from now on is what is followed.
    const began = String(Date.now() / 1000)
    let first = true
    const read = async (client: Client): Promise<void> => {
      const from = first ? undefined : (cursor.since ?? (tail === '0' ? began : undefined))
      if (!first) cursor.reconnected()
      const frames = await client.containers.logFrames(name, {
        follow,
        details: flags.details,
        timestamps: true,
        ...(tail === undefined || !/^\d+$/.test(tail) || from !== undefined ? {} : { tail }),
        ...(from === undefined ? momentOption('since', flags.since) : { since: from }),
        ...momentOption('until', flags.until),
        ...(follow ? { signal: context.signal } : {}),
      })
      first = false
      for await (const some of frames) await print(context, cursor, some)
    }
    try {
      await (follow ? reconnecting(context, read) : read(await context.daemon()))
    } catch (error) {
      // Following ends when the person says so.
      if (!follow || !context.signal.aborted) throw error
      return exitCodes.interrupted
    }
    return 0
  },
})

/** Writes lines in their order, those of one stream that follow each other at once. */
async function print({ out, err }: Context, cursor: LogCursor, frames: readonly LogFrame[]): Promise<void> {
  let stream: LogFrame['stream'] = 'stdout'
  let parts: Uint8Array[] = []
  const flush = async (): Promise<void> => {
    if (parts.length > 0) await (stream === 'stdout' ? out : err).stream(Buffer.concat(parts))
    parts = []
  }
  for (const frame of frames) {
    const data = cursor.take(frame)
    if (data === undefined) continue
    if (frame.stream !== stream) await flush()
    stream = frame.stream
    parts.push(data)
  }
  await flush()
}
