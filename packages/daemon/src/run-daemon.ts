import type { Site } from '@gantry/linux'
import { writeLog } from './daemon-log.ts'
import { daemonRegistryOf } from './daemon-registry.ts'
import { startDaemon } from './start-daemon.ts'

/** How a daemon in the foreground is run. */
export interface RunDaemonOptions {
  /** Called once it listens. */
  readonly onReady?: () => void
}

/**
 * Runs the daemon of a site in this process until SIGTERM or SIGINT, and answers with an exit status. A second signal ends it
 * at once, which does no harm either: containers go on.
 *
 * @throws as {@link startDaemon}
 */
export async function runDaemon(site: Site, options: RunDaemonOptions = {}): Promise<number> {
  const { promise: stop, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let reload: () => Promise<void> = async () => {}
  process.on('SIGHUP', () => {
    reload().catch((error: unknown) => writeLog('cannot read the configuration again', error))
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(1))
      resolve(signal)
    })
  }
  // One request's mistake must not end the daemon that others rely on.
  process.on('uncaughtException', (error) => writeLog('something failed that nobody waited for', error))
  process.on('unhandledRejection', (error) => writeLog('something failed that nobody waited for', error))
  const registry = daemonRegistryOf(process.env, site)
  const daemon = await startDaemon(site, writeLog, registry === undefined ? {} : { registry })
  reload = () => daemon.reload()
  options.onReady?.()
  const signal = await stop
  writeLog(`stops on ${signal}; containers go on`)
  await daemon[Symbol.asyncDispose]()
  return 0
}
