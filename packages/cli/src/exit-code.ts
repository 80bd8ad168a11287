import type { Command } from './command.ts'

/** What the shell and docker mean by them: Gantry itself failed; the command cannot be invoked; it was not found. */
export const exitCodes: Readonly<Record<'failed' | 'notExecutable' | 'notFound' | 'interrupted', number>> = {
  failed: 125,
  notExecutable: 126,
  notFound: 127,
  interrupted: 130,
}

/** The exit code of a command that ended with an error. A command line that cannot be parsed is 125, as docker's. */
export function exitCodeOf(error: unknown, command: Pick<Command, 'failure'> | undefined): number {
  const code = textOf(error, 'code')
  if (code === 'USAGE') return exitCodes.failed
  if (code === 'ARGUMENTS' || code === 'UNKNOWN_COMMAND') return 1
  if (isInterruption(error)) return exitCodes.interrupted
  return command?.failure ?? 1
}

/**
 * The exit code for a process that could not be started: 127 when its program is not there, 126 when it is but cannot be
 * executed, undefined for any other error. The daemon names the reason; the texts are those of the OCI runtimes.
 */
export function startFailureCode(error: unknown): number | undefined {
  const reason = textOf(error, 'reason') ?? textOf(error, 'code')
  if (reason === 'COMMAND_NOT_FOUND') return exitCodes.notFound
  if (reason === 'COMMAND_NOT_EXECUTABLE') return exitCodes.notExecutable
  const message = error instanceof Error ? error.message.toLowerCase() : ''
  if (/executable file not found|exec.*no such file or directory/.test(message)) return exitCodes.notFound
  if (/exec.*(permission denied|is a directory|exec format error)/.test(message)) return exitCodes.notExecutable
  return undefined
}

/** Whether an error only tells that the person stopped the command, itself or in what caused it. */
export function isInterruption(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    if (at.name === 'AbortError' || textOf(at, 'code') === 'ABORTED') return true
  }
  return false
}

function textOf(error: unknown, key: string): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const value: unknown = Reflect.get(error, key)
  return typeof value === 'string' ? value : undefined
}
