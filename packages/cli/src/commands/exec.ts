import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { readEnvironment } from '../container/read-env.ts'
import { boolean, list, text } from '../flags/flag.ts'
import { runExec } from '../session/run-exec.ts'
import { checkTerminal } from '../session/check-terminal.ts'
import { defaultDetachKeys, parseDetachKeys } from '../term/detach-keys.ts'

/** `gantry exec` */
export const exec: Command = defineCommand({
  name: 'exec',
  aliases: ['container exec'],
  summary: 'Execute a command in a running container',
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  arguments: [2],
  stopAtFirstArgument: true,
  flags: {
    detach: boolean('Detached mode: run command in the background', { short: 'd' }),
    'detach-keys': text('Override the key sequence for detaching a container'),
    env: list('Set environment variables', { short: 'e' }),
    'env-file': list('Read in a file of environment variables'),
    interactive: boolean('Keep STDIN open even if not attached', { short: 'i' }),
    privileged: boolean('Give extended privileges to the command'),
    tty: boolean('Allocate a pseudo-TTY', { short: 't' }),
    user: text('Username or UID (format: "<name|uid>[:<group|gid>]")', { short: 'u' }),
    workdir: text('Working directory inside the container', { short: 'w' }),
  },
  async run({ context, flags, args: [container = '', ...command] }) {
    const detachKeys = parseDetachKeys(flags['detach-keys'] ?? defaultDetachKeys)
    if (!flags.detach) checkTerminal({ tty: flags.tty, stdin: flags.interactive })
    const environment = readEnvironment(flags['env-file'], flags.env, context.env)
    return runExec(context, await context.daemon(), {
      container,
      detach: flags.detach,
      detachKeys,
      body: {
        Cmd: command,
        AttachStdin: !flags.detach && flags.interactive,
        AttachStdout: !flags.detach,
        AttachStderr: !flags.detach,
        Tty: flags.tty,
        ...(environment.length === 0 ? {} : { Env: environment }),
        ...(flags.privileged ? { Privileged: true } : {}),
        ...(flags.user === undefined ? {} : { User: flags.user }),
        ...(flags.workdir === undefined ? {} : { WorkingDir: flags.workdir }),
      },
    })
  },
})
