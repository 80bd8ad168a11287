import type { Context } from './context.ts'

/**
 * Does the same to every argument: prints what `act` resolves with (nothing for undefined), goes on after a failure, and
 * resolves with 1 if there was one. Failures are printed where they happen, in order.
 */
export async function each(
  context: Context,
  names: readonly string[],
  act: (name: string) => Promise<string | void>,
): Promise<number> {
  let exitCode = 0
  for (const name of names) {
    try {
      const line = await act(name)
      if (typeof line === 'string') context.out.write(`${line}\n`)
    } catch (error) {
      if (context.signal.aborted) throw error
      const { describeError } = await import('./report.ts')
      context.err.write(describeError(error, { command: undefined, debug: context.globals.debug }).text)
      exitCode = 1
    }
  }
  return exitCode
}
