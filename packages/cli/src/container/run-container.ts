import type { Client } from '@gantry/client'
import type { ContainerFlags } from './container-flags.ts'
import type { Context } from '../context.ts'
import type { Flag, FlagValues } from '../flags/flag.ts'
import { createContainer } from './create-container.ts'
import { attachedStreams, toCreateBody } from './to-create-body.ts'
import { checkTerminal } from '../session/check-terminal.ts'
import { runAttached } from '../session/run-attached.ts'
import { startFailureCode } from '../exit-code.ts'
import { defaultDetachKeys, parseDetachKeys } from '../term/detach-keys.ts'

type RunFlags = FlagValues<
  ContainerFlags & {
    readonly detach: Flag<boolean>
    readonly 'detach-keys': Flag<string | undefined>
    readonly 'sig-proxy': Flag<boolean>
  }
>

/**
 * `gantry run`: create, attach, listen for the exit, start, in this order, so that neither the first byte nor the exit is
 * missed. Resolves with the container's exit code; 126 and 127 when its program could not be started, and then the
 * container is removed if `--rm` says so.
 */
export async function runContainer(
  context: Context,
  flags: RunFlags,
  image: string,
  command: readonly string[],
): Promise<number> {
  const detachKeys = parseDetachKeys(flags['detach-keys'] ?? defaultDetachKeys)
  const body = toCreateBody({ flags, image, command, env: context.env, detach: flags.detach })
  const streams = attachedStreams({ flags, detach: flags.detach })
  checkTerminal({ tty: flags.tty, stdin: streams.stdin })
  if (flags.tty && !flags.detach && context.out.isTerminal) {
    const { terminalSize } = await import('../term/terminal-size.ts')
    const size = terminalSize()
    if (size !== undefined && body.HostConfig !== undefined) body.HostConfig.ConsoleSize = [size.height, size.width]
  }
  const client = await context.daemon()
  const id = await createContainer(context, client, body, flags)
  try {
    if (flags.detach) {
      await client.containers.start(id)
      context.out.write(`${id}\n`)
      return 0
    }
    return await runAttached(context, client, {
      id,
      ...streams,
      tty: flags.tty,
      detachKeys,
      sigProxy: flags['sig-proxy'],
      condition: flags.rm ? 'removed' : 'next-exit',
      start: true,
      discard: true,
    })
  } catch (error) {
    return await startFailed(context, { client, id, error, remove: flags.rm })
  }
}

async function startFailed(
  context: Context,
  { client, id, error, remove }: { client: Client; id: string; error: unknown; remove: boolean },
): Promise<number> {
  // The engine removes --rm containers that fail to start; this is for one that was never asked to start.
  if (remove) await client.containers.remove(id, { force: true }).catch(() => undefined)
  const code = startFailureCode(error)
  if (code === undefined) throw error
  const { describeError } = await import('../report.ts')
  context.err.write(describeError(error, { command: undefined, debug: context.globals.debug }).text)
  return code
}
