import type { Command } from '../command.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, text } from '../flags/flag.ts'
import { checkTerminal } from '../session/check-terminal.ts'
import { runAttached } from '../session/run-attached.ts'
import { defaultDetachKeys, parseDetachKeys } from '../term/detach-keys.ts'

/** `gantry attach` */
export const attach: Command = defineCommand({
  name: 'attach',
  aliases: ['container attach'],
  summary: 'Attach local standard input, output, and error streams to a running container',
  usage: '[OPTIONS] CONTAINER',
  arguments: [1, 1],
  flags: {
    'detach-keys': text('Override the key sequence for detaching a container'),
    'no-stdin': boolean('Do not attach STDIN'),
    'sig-proxy': boolean('Proxy all received signals to the process', { initial: true }),
  },
  async run({ context, flags, args: [name = ''] }) {
    const detachKeys = parseDetachKeys(flags['detach-keys'] ?? defaultDetachKeys)
    const client = await context.daemon()
    const { Id: id, Config, State } = await client.containers.inspect(name)
    if (!State.Running)
      throw new CliError('FAILED', `Cannot attach to "${name}": it is ${State.Status}`, {
        hint: `Start it with "gantry start -a ${name}"`,
      })
    if (State.Paused)
      throw new CliError('FAILED', `Cannot attach to "${name}": it is paused`, {
        hint: `Let it go on with "gantry unpause ${name}"`,
      })
    const tty = Config.Tty === true
    const stdin = !flags['no-stdin'] && Config.OpenStdin === true
    checkTerminal({ tty, stdin })
    return runAttached(context, client, {
      id,
      stdin,
      stdout: true,
      stderr: true,
      tty,
      detachKeys,
      sigProxy: flags['sig-proxy'] && !tty,
      condition: 'not-running',
      start: false,
      discard: false,
    })
  },
})
