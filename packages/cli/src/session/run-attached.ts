import type { Client, WaitCondition } from '@gantry/client'
import type { Context } from '../context.ts'
import { CliError } from '../cli-error.ts'
import { exitCodes } from '../exit-code.ts'
import { openSession } from './run-session.ts'
import { forwardSignals } from '../term/forward-signals.ts'

/** A container that is to be followed to its end. */
export interface AttachedRun {
  readonly id: string
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
  readonly detachKeys: Uint8Array
  readonly sigProxy: boolean
  readonly condition: WaitCondition
  /** Start it once everything listens; false for one that runs already. */
  readonly start: boolean
  /** Remove the container when the run was interrupted before it started. */
  readonly discard: boolean
}

/**
 * Attaches to a container, starts it if asked, and follows it: output, input, window size and signals. Resolves with its
 * exit code, or 0 when the person detached.
 *
 * A signal that would end this program before the container has started ends the run: nothing is started.
 */
export async function runAttached(context: Context, client: Client, run: AttachedRun): Promise<number> {
  const { id } = run
  let started = !run.start
  let interrupted = false
  const stopForwarding = run.sigProxy
    ? forwardSignals((signal) => {
        if (started) client.containers.kill(id, signal).catch(() => undefined)
        else if (signal === 'SIGINT' || signal === 'SIGTERM' || signal === 'SIGHUP' || signal === 'SIGQUIT')
          interrupted = true
      })
    : () => undefined
  const [stream, waiting] = await Promise.all([
    run.stdin || run.stdout || run.stderr
      ? client.containers.attach(id, { stdin: run.stdin, stdout: run.stdout, stderr: run.stderr })
      : undefined,
    client.containers.wait(id, { condition: run.condition }),
  ])
  const session = stream === undefined ? undefined : await openSession(stream, context, run)
  // Its failure is awaited below; starting may fail first.
  session?.end.catch(() => undefined)
  let stopSizing = nothing
  try {
    if (interrupted) {
      if (run.discard) await client.containers.remove(id, { force: true })
      return exitCodes.interrupted
    }
    if (run.start) await client.containers.start(id)
    started = true
    if (run.tty && context.out.isTerminal) {
      const { keepSize } = await import('./keep-size.ts')
      stopSizing = keepSize((size) => client.containers.resize(id, size))
    }
    if ((await session?.end) === 'detached') {
      context.err.write('\r\n')
      return 0
    }
    const { StatusCode, Error: failure } = await waiting.result
    if (failure !== undefined && failure !== null) throw new CliError('FAILED', failure.Message)
    return StatusCode
  } finally {
    session?.restore()
    stream?.close()
    stopSizing()
    stopForwarding()
  }
}

function nothing(): void {
  // There is nothing to stop yet.
}
