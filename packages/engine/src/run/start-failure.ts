import type { ContainerRecord } from '../container/record.ts'
import { EngineError, type EngineErrorCode } from '../engine-error.ts'

/** Turns what went wrong at a start into what Docker's clients expect: a text from which they choose 127, 126 or 125, and an exit code. */
export function startFailure(error: unknown, { spec }: ContainerRecord): { failure: unknown; exitCode: number } {
  const code = codeOf(error)
  const text = error instanceof Error ? error.message : String(error)
  const command = [...spec.entrypoint, ...spec.command][0] ?? ''
  if (code === 'COMMAND_NOT_FOUND' || /executable file not found/.test(text))
    return refusal(
      'COMMAND_NOT_FOUND',
      ensure(
        text,
        /executable file not found|no such file or directory/,
        `exec: "${command}": executable file not found in $PATH`,
      ),
      error,
      127,
    )
  if (
    code === 'COMMAND_NOT_EXECUTABLE' ||
    (code !== 'MOUNT_FAILED' && /permission denied|is a directory/i.test(text) && /exec/.test(text))
  )
    return refusal(
      'COMMAND_NOT_EXECUTABLE',
      ensure(text, /permission denied|is a directory/, `exec: "${command}": permission denied`),
      error,
      126,
    )
  if (error instanceof EngineError || isForeign(code)) return { failure: error, exitCode: 128 }
  return refusal('START_FAILED', text, error, 128)
}

function refusal(
  code: EngineErrorCode,
  text: string,
  cause: unknown,
  exitCode: number,
): { failure: EngineError; exitCode: number } {
  const hint = cause instanceof Error && 'hint' in cause && typeof cause.hint === 'string' ? { hint: cause.hint } : {}
  return { failure: new EngineError(code, text, { cause, ...hint }), exitCode }
}

/** The docker client looks for these words. */
function ensure(text: string, words: RegExp, otherwise: string): string {
  return words.test(text) ? text : `${text}: ${otherwise}`
}

const foreign: ReadonlySet<string> = new Set([
  'PORT_TAKEN',
  'NETWORK_UNKNOWN',
  'USER_UNKNOWN',
  'SUBNET_EXHAUSTED',
  'SPEC_INVALID',
  'WORKING_DIRECTORY_INVALID',
  'CRIU_MISSING',
  'CHECKPOINT_FAILED',
])

/** Errors that say of themselves what they are to a face: a taken port, an unknown network. */
function isForeign(code: string): boolean {
  return foreign.has(code)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
