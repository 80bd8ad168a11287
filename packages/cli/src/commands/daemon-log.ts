import type { Command } from '../command.ts'
import { daemonLogPath } from '@gantry/daemon'
import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, integer } from '../flags/flag.ts'

/** `gantry daemon log` */
export const daemonLog: Command = defineCommand({
  name: 'daemon log',
  summary: 'Show the log of the daemon',
  usage: '[OPTIONS]',
  arguments: [0, 0],
  flags: {
    follow: boolean('Follow the log', { short: 'f' }),
    tail: integer('Number of lines to show from the end', { short: 'n', initial: 200 }),
  },
  async run({ context, flags }) {
    const path = daemonLogPath(await context.site())
    const file = await open(path).catch((cause: unknown) => {
      throw new CliError(
        'NOT_FOUND',
        `Cannot read the daemon's log "${path}": ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      )
    })
    context.defer(() => file.close())
    // What a person reads of a log is at its end: half a megabyte holds thousands of lines.
    const { size } = await file.stat()
    const start = Math.max(size - 512 * 1024, 0)
    const bytes = Buffer.alloc(size - start)
    await file.read(bytes, 0, bytes.length, start)
    const lines = bytes.toString().split('\n')
    const isWhole = lines.at(-1) === ''
    const shown = (isWhole ? lines.slice(0, -1) : lines).slice(-Math.max(flags.tail ?? 200, 0))
    context.out.write(shown.map((line) => `${line}\n`).join(''))
    let at = size
    while (flags.follow && !context.signal.aborted) {
      const chunk = Buffer.alloc(65_536)
      const { bytesRead } = await file.read(chunk, 0, chunk.length, at)
      at += bytesRead
      if (bytesRead > 0) context.out.write(chunk.subarray(0, bytesRead))
      else await sleep(200, undefined, { signal: context.signal }).catch(() => undefined)
    }
  },
})
