import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Where one Gantry lives, and what it calls itself on this machine. */
export interface Site {
  /** What lasts: content, snapshots, containers, volumes, the database. */
  readonly root: string
  /** What ends with the machine's uptime: sockets, attach points, exit files. */
  readonly run: string
  /** The daemon's socket. */
  readonly socket: string
  /** The name from which everything that this Gantry makes on the host is named: `gantry`, or `gantry-<6 hex>`. */
  readonly instance: string
}

/** The environment variables that choose a site. */
export type SiteEnvironment = Readonly<Record<string, string | undefined>>

/**
 * The site that an environment chooses. Pure: nothing is made or looked at on disk.
 *
 * Root: `options.root`, `GANTRY_ROOT`, else `/var/lib/gantry` (as root) or `$XDG_DATA_HOME/gantry`. The default root runs in
 * `/run/gantry` (without root: `$XDG_RUNTIME_DIR/gantry`) as instance `gantry`; any other root gets a run directory and an
 * instance with six hex digits of its path's hash, so that several Gantrys share a machine. `GANTRY_RUN` overrides the run directory.
 */
export function siteOf(env: SiteEnvironment, options: { readonly root?: string; readonly uid?: number } = {}): Site {
  const uid = options.uid ?? userOf(env)
  const standard =
    uid === 0
      ? '/var/lib/gantry'
      : join(env['XDG_DATA_HOME'] || join(env['HOME'] || homedir(), '.local/share'), 'gantry')
  const root = resolve(options.root ?? (env['GANTRY_ROOT'] || standard))
  const instance = root === standard ? 'gantry' : `gantry-${sixHex(root)}`
  const base = uid === 0 ? '/run' : env['XDG_RUNTIME_DIR'] || `/tmp/gantry-runtime-${String(uid)}`
  const run = resolve(env['GANTRY_RUN'] || join(base, instance))
  return { root, run, socket: join(run, 'gantry.sock'), instance }
}

/**
 * The user whose command this is. In a user namespace that the launcher entered for an ordinary user everybody is root; it
 * hands on who that user is outside.
 */
export function userOf(env: SiteEnvironment): number {
  const outside = env['GANTRY_USER_ID'] ?? ''
  return /^\d+$/.test(outside) ? Number(outside) : (process.getuid?.() ?? 0)
}

/** FNV-1a, folded to 24 bits: names need no more, and loading node:crypto would cost every command 7 ms. */
function sixHex(text: string): string {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return (((hash >>> 24) ^ hash) & 0xffffff).toString(16).padStart(6, '0')
}
