import { readFile } from 'node:fs/promises'
import { CliError } from '../cli-error.ts'

/**
 * Turns the failure of a build into what is printed: for whatever has a place in the Dockerfile, its line with a caret.
 * Other errors stay as they are.
 */
export async function describeBuildError(error: unknown, dockerfile: string): Promise<unknown> {
  if (!(error instanceof Error)) return error
  const place = placeOf(error)
  if (place === undefined) return error
  const { renderDiagnostic } = await import('@gantry/dockerfile')
  const source = await readFile(dockerfile, 'utf8').catch(() => undefined)
  const hint: unknown = Reflect.get(error, 'hint')
  if (source === undefined) return error
  const diagnostic = renderDiagnostic(source, {
    ...place,
    message: error.message,
    hint: typeof hint === 'string' ? hint : undefined,
  })
  return new CliError('FAILED', diagnostic, { cause: error })
}

function placeOf(error: Error): { file: string; line: number; column: number; length: number } | undefined {
  const file: unknown = Reflect.get(error, 'file')
  const line: unknown = Reflect.get(error, 'line')
  const column: unknown = Reflect.get(error, 'column')
  const length: unknown = Reflect.get(error, 'length')
  if (typeof file !== 'string' || typeof line !== 'number' || typeof column !== 'number') return undefined
  return { file, line, column, length: typeof length === 'number' ? length : 1 }
}
