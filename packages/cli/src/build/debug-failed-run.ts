import type { FailedRun } from '@gantry/builder'
import type { Context } from '../context.ts'

/** What `--debug` does with a RUN that has failed: a shell in its place on a terminal, else how to get one. */
export function debugFailedRun(context: Context, finishView: () => void): (failed: FailedRun) => Promise<void> {
  let queue: Promise<void> = Promise.resolve()
  return (failed) => {
    // Of steps that fail side by side, one has the terminal.
    queue = queue.then(() => open(context, finishView, failed))
    return queue
  }
}

async function open({ err }: Context, finishView: () => void, failed: FailedRun): Promise<void> {
  if (!process.stdin.isTTY || !err.isTerminal) {
    err.write('--debug opens a shell where the step failed: run this on a terminal\n')
    return
  }
  finishView()
  err.write(`${failed.error.message}\nA shell in the place of the failed step follows; leave it to end the build.\n`)
  try {
    await failed.shell()
  } catch (error) {
    err.write(`${error instanceof Error ? error.message : String(error)}\n`)
  }
}
