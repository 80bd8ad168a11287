import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { packageOf } from './package-of.ts'
import { ProcessError } from './process-error.ts'

// A user's PATH often lacks the sbin directories, and distributions keep container helpers outside of PATH.
const alsoIn = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/usr/libexec/podman',
  '/usr/lib/podman',
  '/usr/local/libexec/podman',
]

const found = new Map<string, string>()

/**
 * The absolute path of a program: from PATH, then from the system's own directories (sbin, Podman's helpers).
 * Answers are remembered per PATH for the life of the process; a program that is absent is looked for again each time.
 * A command with a slash is checked as it stands.
 */
export function which(command: string): string | undefined {
  if (command.includes('/')) return isAbsolute(command) || isProgram(command) ? checked(command) : undefined
  const path = process.env['PATH'] ?? ''
  const key = `${path}\0${command}`
  const known = found.get(key)
  if (known !== undefined) return known
  for (const directory of [...path.split(delimiter), ...alsoIn]) {
    if (directory === '' || !isAbsolute(directory)) continue
    const candidate = join(directory, command)
    if (isProgram(candidate)) {
      found.set(key, candidate)
      return candidate
    }
  }
  return undefined
}

/** Like {@link which}. @throws ProcessError NOT_FOUND naming the program and the package that brings it. */
export function locate(command: string): string {
  return which(command) ?? fail(command)
}

/** The error for a program that is not there. */
export function notFound(command: string, cause?: unknown): ProcessError {
  const hint = packageOf(command.slice(command.lastIndexOf('/') + 1))
  const advice = hint === undefined ? 'install it, or put it in PATH' : `install it: ${hint.install}`
  return new ProcessError('NOT_FOUND', `Cannot run "${command}": the program is not on this machine (${advice})`, {
    command,
    cause,
    ...(hint === undefined ? {} : { hint: hint.install }),
  })
}

function fail(command: string): never {
  throw notFound(command)
}

function checked(path: string): string | undefined {
  return isProgram(path) ? path : undefined
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
