import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { ask } from './ask.ts'

/**
 * Asks before something is removed for good, docker's way; true when it may be done.
 *
 * @throws CliError INVALID when there is nobody to ask
 */
export async function confirm(context: Context, warning: string, what: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new CliError('INVALID', `Cannot ask whether to remove ${what}: standard input is not a terminal`, {
      hint: 'Give --force to remove them without being asked',
    })
  context.err.write(`${warning}\n`)
  return /^y(es)?$/i.test(await ask('Are you sure you want to continue? [y/N] '))
}
