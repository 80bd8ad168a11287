import type { Context } from './context.ts'
import { compileTemplate } from './template/run-template.ts'

/**
 * Prints what `inspect` commands found: an indented JSON array, or with `--format` a line for each. Names that were not
 * found are told on standard error, and make the exit code 1.
 */
export async function printValues(
  context: Context,
  names: readonly string[],
  format: string | undefined,
  find: (name: string) => Promise<unknown>,
): Promise<number> {
  const template =
    format === undefined || format === '' ? undefined : format === 'json' ? JSON.stringify : compileTemplate(format)
  const values: unknown[] = []
  const failures: unknown[] = []
  for (const name of names) {
    try {
      values.push(await find(name))
    } catch (error) {
      failures.push(error)
    }
  }
  if (template === undefined) context.out.write(`${JSON.stringify(values, undefined, 4)}\n`)
  else context.out.write(values.map((value) => `${template(value)}\n`).join(''))
  for (const error of failures) {
    const { describeError } = await import('./report.ts')
    context.err.write(describeError(error, { command: undefined, debug: context.globals.debug }).text)
  }
  return failures.length === 0 ? 0 : 1
}

/** Whether an answer was that there is no such thing. */
export function isNotFound(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const status: unknown = Reflect.get(error, 'status')
  const code: unknown = Reflect.get(error, 'code')
  return status === 404 || code === 'NOT_FOUND' || code === 'IMAGE_UNKNOWN'
}
