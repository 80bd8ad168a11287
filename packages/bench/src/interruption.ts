import { constants } from 'node:os'
import { endCommands } from './command.ts'
import { BenchError } from './bench-error.ts'

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
