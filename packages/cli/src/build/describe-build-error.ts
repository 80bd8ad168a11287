import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CliError } from '../cli-error.ts'

/** The Dockerfile that is built, for showing places in it. */
export interface ShownDockerfile {
  readonly file: string
  readonly text: string
}

/**
 * Turns the failure of a build into what is printed: for whatever has a place in the Dockerfile, its line with a caret.
 * Other errors stay as they are. What could not be parsed was not announced and is read again.
 */
export async function describeBuildError(
  error: unknown,
  dockerfile: ShownDockerfile | undefined,
  written: { readonly path?: string; readonly directory?: string },
): Promise<unknown> {
  if (!(error instanceof Error)) return error
  const place = placeOf(error)
  if (place === undefined) return error
  const { renderDiagnostic } = await import('@gantry/dockerfile')
  const source =
    dockerfile?.file === place.file
      ? dockerfile.text
      : await readFile(written.path ?? resolve(written.directory ?? '', place.file), 'utf8').catch(() => undefined)
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
