import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DaemonError } from './daemon-error.ts'

/**
 * Makes the root directory, with missing parents, unless it is there. One directory at a time: Node's recursive way never ends
 * where the kernel says that a parent is missing although it is there, as under /proc.
 *
 * @throws DaemonError ROOT_UNUSABLE
 */
export function makeRoot(root: string): void {
  const missing: string[] = []
  for (let at = root; !isDirectory(at, root); at = dirname(at)) missing.push(at)
  for (const path of missing.toReversed()) {
    try {
      mkdirSync(path, { mode: path === root ? 0o711 : 0o755 })
    } catch (error) {
      // Another process may have been quicker.
      if (!isDirectory(path, root)) throw unusable(root, error)
    }
  }
}

function isDirectory(path: string, root: string): boolean {
  let there: boolean | undefined
  try {
    there = statSync(path, { throwIfNoEntry: false })?.isDirectory()
  } catch (error) {
    throw unusable(root, error)
  }
  if (there === false) throw unusable(root, new Error(`"${path}" is not a directory`))
  return there ?? false
}

function unusable(root: string, cause: unknown): DaemonError {
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new DaemonError('ROOT_UNUSABLE', `Cannot use "${root}" as the root directory: ${detail}`, {
    cause,
    hint: 'choose another one with --root or GANTRY_ROOT, or run as root',
  })
}
