import type { Client, ExecCreateBody } from '@gantry/client'
import type { Context } from '../context.ts'
import { startFailureCode } from '../exit-code.ts'
import { openSession } from './run-session.ts'

/** A process to be run in a container that runs already. */
export interface ExecRun {
  readonly container: string
  readonly detach: boolean
  readonly detachKeys: Uint8Array
  readonly body: ExecCreateBody
}

/**
 * Runs a process in a container, joined to this terminal, and resolves with its exit code: 126 and 127 when its program
 * cannot be invoked or is not there, 0 when it is detached.
 */
export async function runExec(context: Context, client: Client, run: ExecRun): Promise<number> {
  const tty = run.body.Tty === true
  try {
    const id = await client.exec.create(run.container, run.body)
    if (run.detach) {
      await client.exec.startDetached(id)
      return 0
    }
    const stream = await client.exec.start(id, { tty, ...(await consoleSize(tty, context)) })
    const session = await openSession(stream, context, {
      tty,
      stdin: run.body.AttachStdin === true,
      stdout: true,
      stderr: true,
      detachKeys: run.detachKeys,
    })
    let stopSizing = nothing
    if (tty && context.out.isTerminal) {
      const { keepSize } = await import('./keep-size.ts')
      stopSizing = keepSize((size) => client.exec.resize(id, size))
    }
    try {
      if ((await session.end) === 'detached') return 0
      return (await client.exec.inspect(id)).ExitCode ?? 0
    } finally {
      stopSizing()
      session.restore()
    }
  } catch (error) {
    const code = startFailureCode(error)
    if (code === undefined) throw error
    const { describeError } = await import('../report.ts')
    context.err.write(describeError(error, { command: undefined, debug: context.globals.debug }).text)
    return code
  }
}

async function consoleSize(tty: boolean, context: Context): Promise<{ consoleSize?: [number, number] }> {
  if (!tty || !context.out.isTerminal) return {}
  const { terminalSize } = await import('../term/terminal-size.ts')
  const size = terminalSize()
  return size === undefined ? {} : { consoleSize: [size.height, size.width] }
}

function nothing(): void {
  // There is nothing to stop yet.
}
