import { readFileSync } from 'node:fs'
import { CliError } from '../cli-error.ts'

/**
 * The environment of `--env-file` and `-e`, files first: `NAME=value`, or `NAME` alone for the value it has here (left out
 * when it has none).
 *
 * @throws CliError INVALID naming the file and line.
 */
export function readEnvironment(
  files: readonly string[],
  variables: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  return [...files.flatMap((file) => variablesOf(file)), ...variables].flatMap((entry) => {
    if (entry.includes('=')) return [entry]
    const value = env[entry]
    return value === undefined ? [] : [`${entry}=${value}`]
  })
}

/** Labels of `--label-file` and `--label`, files first: `key=value`, or `key` for an empty value. @throws CliError INVALID */
export function readLabels(files: readonly string[], labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    [...files.flatMap((file) => variablesOf(file)), ...labels].map((entry) => {
      const equals = entry.indexOf('=')
      return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)]
    }),
  )
}

function variablesOf(file: string): string[] {
  let content: string
  try {
    content = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CliError('INVALID', `Cannot read "${file}": ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
  return content
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .flatMap((line, index) => {
      const entry = line.trimStart()
      if (entry === '' || entry.startsWith('#')) return []
      const name = entry.split('=', 1)[0] ?? ''
      if (name === '' || /\s/.test(name))
        throw new CliError(
          'INVALID',
          `Cannot use "${file}": line ${index + 1} has no variable name, or one with spaces: "${entry.slice(0, 80)}"`,
        )
      return [entry]
    })
}
