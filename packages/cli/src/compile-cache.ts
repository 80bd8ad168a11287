import { mkdirSync, statSync } from 'node:fs'

/**
 * Lets Node keep the compiled form of Gantry's modules between runs, under `$XDG_CACHE_HOME/gantry` or
 * `~/.cache/gantry`. Must be called before the modules it should help are imported.
 *
 * Cached code is code: the directory must belong to this user and be writable by nobody else, or it is not used.
 */
export function useCompileCache(env: Readonly<Record<string, string | undefined>>): void {
  const base = env['XDG_CACHE_HOME'] ?? (env['HOME'] === undefined ? undefined : `${env['HOME']}/.cache`)
  if (base === undefined || !base.startsWith('/') || env['NODE_DISABLE_COMPILE_CACHE'] !== undefined) return
  const directory = `${base}/gantry/compiled`
  try {
    if (!isOurs(`${base}/gantry`) || !isOurs(directory)) return
    process.getBuiltinModule('node:module').enableCompileCache(directory)
  } catch {
    // A read-only or full home only means that nothing is remembered.
  }
}

function isOurs(directory: string): boolean {
  const state = statSync(directory, { throwIfNoEntry: false })
  if (state === undefined) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return true
  }
  return state.isDirectory() && state.uid === process.getuid?.() && (state.mode & 0o022) === 0
}
