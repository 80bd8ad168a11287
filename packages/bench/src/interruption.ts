import { constants } from 'node:os'
import { endCommands } from './command.ts'
import { BenchError } from './bench-error.ts'

/** What was asked for at the moment of a signal may take so long to come to an end, in milliseconds. */
const patience = 20_000
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The exit code of a program that a signal has ended. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

/**
 * From now on the signals that end a program abort what is returned instead, and end the commands that run at the moment: what
 * waits for them fails, and all that was set up is taken down on the way out. Further ones do nothing, so that the way out is not cut off.
 *
 * @returns aborted with a BenchError INTERRUPTED
 */
export function abortOnSignals(): AbortSignal {
  const controller = new AbortController()
  for (const signal of signals) {
    process.on(signal, () => {
      if (controller.signal.aborted) return
      process.exitCode = exitCodeOf(signal)
      controller.abort(new BenchError('INTERRUPTED', `${signal}: what was set up is taken down`))
      endCommands()
    })
  }
  return controller.signal
}

/**
 * What the work comes to. When the run is to end, the work gets some time to find its own way out; after that it is left to itself,
 * and the engines below it are taken away.
 *
 * @throws BenchError INTERRUPTED
 */
export async function orInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  let timer: NodeJS.Timeout | undefined
  const onAbort = (): void => {
    timer = setTimeout(reject, patience, signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
    clearTimeout(timer)
  }
}
