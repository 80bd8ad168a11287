import type { Command } from './command.ts'
import { exitCodeOf, isInterruption } from './exit-code.ts'
import { fileOutput } from './output.ts'

/** What an error becomes on the screen, and the exit code it ends the program with. */
export interface Report {
  readonly text: string
  readonly exitCode: number
}

/** Prints an error to standard error and returns the exit code. The one place where errors become words. */
export function report(error: unknown, options: { command: Command | undefined; debug: boolean }): number {
  const { text, exitCode } = describeError(error, options)
  fileOutput(2).write(text)
  return exitCode
}

/**
 * Describes an error: its message (made by the package that raised it: what was tried, what came, what to do), its hint,
 * and after a mistake in the command line the usage. With `debug`, the stack and the causes. An error without a code is a
 * defect of Gantry and says so.
 */
export function describeError(
  error: unknown,
  { command, debug }: { command: Pick<Command, 'name' | 'usage' | 'failure'> | undefined; debug: boolean },
): Report {
  const exitCode = exitCodeOf(error, command)
  if (isInterruption(error) && !debug) return { text: 'gantry: interrupted\n', exitCode }
  const lines: string[] = []
  const { code, message, hint } = partsOf(error)
  if (code === undefined) {
    lines.push(`gantry: internal error: ${message}`)
    if (!debug)
      lines.push('This is a defect of Gantry; run the command again with GANTRY_DEBUG=1 and report what it prints')
  } else if (code === 'USAGE') lines.push(message)
  // A diagnostic that names a place begins with it, so that editors find it.
  else lines.push(/^\S+:\d+:\d+: /.test(message) ? message : `gantry: ${message}`)
  if (hint !== undefined) lines.push(hint.charAt(0).toUpperCase() + hint.slice(1))
  if (command !== undefined && (code === 'USAGE' || code === 'ARGUMENTS')) {
    lines.push(
      '',
      `Usage:  gantry ${command.name} ${command.usage}`.trimEnd(),
      '',
      `See 'gantry ${command.name} --help'`,
    )
  } else if (command !== undefined && code === 'INVALID') lines.push(`See 'gantry ${command.name} --help'`)
  if (debug) lines.push('', ...stackOf(error))
  return { text: `${lines.join('\n')}\n`, exitCode }
}

function partsOf(error: unknown): { code: string | undefined; message: string; hint: string | undefined } {
  if (!(error instanceof Error)) return { code: undefined, message: String(error), hint: undefined }
  const code: unknown = Reflect.get(error, 'code')
  const hint: unknown = Reflect.get(error, 'hint')
  return {
    code: typeof code === 'string' && code.length > 0 ? code : undefined,
    message: error.message,
    hint: typeof hint === 'string' && hint.length > 0 ? hint : undefined,
  }
}

function stackOf(error: unknown): string[] {
  const lines: string[] = []
  let current: unknown = error
  while (current instanceof Error && lines.length < 200) {
    const code: unknown = Reflect.get(current, 'code')
    lines.push(
      `${lines.length === 0 ? '' : 'caused by '}${typeof code === 'string' ? `[${code}] ` : ''}${current.stack ?? current.message}`,
    )
    current = current.cause
  }
  return lines
}
