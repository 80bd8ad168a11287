import type { Command } from '../command.ts'
import { resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { each } from '../each.ts'
import { startFailureCode } from '../exit-code.ts'
import { boolean, text } from '../flags/flag.ts'
import { checkTerminal } from '../session/check-terminal.ts'
import { runAttached } from '../session/run-attached.ts'
import { defaultDetachKeys, parseDetachKeys } from '../term/detach-keys.ts'

/** `gantry start` */
export const start: Command = defineCommand({
  name: 'start',
  aliases: ['container start'],
  summary: 'Start one or more stopped containers',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  arguments: [1],
  flags: {
    checkpoint: text('Restore from this checkpoint'),
    'checkpoint-dir': text('Use a custom checkpoint storage directory', { type: 'directory' }),
    attach: boolean('Attach STDOUT/STDERR and forward signals', { short: 'a' }),
    'detach-keys': text('Override the key sequence for detaching a container'),
    interactive: boolean("Attach container's STDIN", { short: 'i' }),
  },
  async run({ context, flags, args }) {
    const { checkpoint, 'checkpoint-dir': directory } = flags
    if (checkpoint !== undefined && (flags.attach || flags.interactive || args.length > 1)) {
      throw new CliError(
        'INVALID',
        'Cannot restore several containers at once, or attach to one while it is restored',
        {
          hint: 'name one, and use "gantry attach" or "gantry logs -f" afterwards',
        },
      )
    }
    const client = await context.daemon()
    if (!flags.attach && !flags.interactive) {
      return each(context, args, async (name) => {
        await client.containers.start(name, {
          ...(checkpoint === undefined ? {} : { checkpoint }),
          ...(directory === undefined ? {} : { checkpointDirectory: resolve(directory) }),
        })
        return name
      })
    }
    const [name = '', ...others] = args
    if (others.length > 0) throw new CliError('INVALID', 'Cannot attach to several containers at once: name one')
    const detachKeys = parseDetachKeys(flags['detach-keys'] ?? defaultDetachKeys)
    const { Id: id, Config, State, HostConfig } = await client.containers.inspect(name)
    const tty = Config.Tty === true
    const stdin = flags.interactive && Config.OpenStdin === true
    checkTerminal({ tty, stdin })
    try {
      return await runAttached(context, client, {
        id,
        stdin,
        stdout: true,
        stderr: true,
        tty,
        detachKeys,
        sigProxy: !tty,
        condition: HostConfig.AutoRemove === true ? 'removed' : 'next-exit',
        start: !State.Running,
        discard: false,
      })
    } catch (error) {
      const code = startFailureCode(error)
      if (code === undefined) throw error
      const { report } = await import('../report.ts')
      report(error, { command: undefined, debug: context.globals.debug })
      return code
    }
  },
})
