import type { Site } from '@gantry/linux'
import { startDaemonInBackground } from '@gantry/daemon'

/** Starts the daemon of a site and resolves when it listens. One that runs already is left alone. */
export async function startDaemon(site: Site): Promise<void> {
  await startDaemonInBackground(site)
}
