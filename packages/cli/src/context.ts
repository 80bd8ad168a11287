import type { Client } from '@gantry/client'
import type { Site } from '@gantry/linux'
import type { Output } from './output.ts'

/** Options that stand before the command. */
export interface Globals {
  readonly root: string | undefined
  readonly host: string | undefined
  readonly debug: boolean
}

/** What a command is given to work with. Nothing here costs anything until it is used. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly globals: Globals
  readonly out: Output
  readonly err: Output
  /** The root, run directory and socket this command works on. */
  site(): Promise<Site>
  /**
   * A client of the daemon, which is started when it does not run yet (`autostart: false` only connects).
   *
   * @throws CliError NOT_ROOT or DAEMON_UNREACHABLE
   */
  daemon(options?: { autostart?: boolean }): Promise<Client>
  /** Runs when the command ended, however it ended, last registered first. */
  defer(cleanup: () => void | Promise<void>): void
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP once it has been read; the second one ends the program at once. */
  readonly signal: AbortSignal
}
