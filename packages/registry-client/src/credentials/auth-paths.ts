import { homedir } from 'node:os'
import { join } from 'node:path'
import { configHome } from '../config/read-registries.ts'
import type { Environment } from '../transport/proxy-for.ts'

/** Docker's file, where `login` writes: `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`. */
export function dockerConfigPath(environment: Environment): string {
  return join(environment['DOCKER_CONFIG'] || join(environment['HOME'] || homedir(), '.docker'), 'config.json')
}

/**
 * The files that credentials are looked for in, in that order: `$REGISTRY_AUTH_FILE`, Docker's, and Podman's, which are
 * `$XDG_RUNTIME_DIR/containers/auth.json` (or `/run/containers/<uid>/auth.json`) and `~/.config/containers/auth.json`.
 */
export function authFilePaths(environment: Environment): readonly string[] {
  const named = environment['REGISTRY_AUTH_FILE']
  const runtime = environment['XDG_RUNTIME_DIR']
  // Root of a user namespace is somebody else outside.
  const uid = environment['GANTRY_USER_ID'] ?? process.getuid?.() ?? 0
  return [
    ...(named === undefined || named === '' ? [] : [named]),
    dockerConfigPath(environment),
    runtime === undefined || runtime === ''
      ? `/run/containers/${uid}/auth.json`
      : join(runtime, 'containers', 'auth.json'),
    join(configHome(environment), 'containers', 'auth.json'),
  ]
}
