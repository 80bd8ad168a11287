import { writeSync } from 'node:fs'
import { siteOf } from '@gantry/linux'
import { DaemonError } from './daemon-error.ts'
import { writeLog } from './daemon-log.ts'
import { exitStatuses, readyDescriptor } from './ready-pipe.ts'
import { runDaemon } from './run-daemon.ts'

// The daemon's process, as `gantry` starts it in the background: main.ts ROOT, with the ready pipe as descriptor 3.
const root = process.argv[2]
try {
  const site = siteOf(process.env, root === undefined ? {} : { root })
  process.exitCode = await runDaemon(site, { onReady: () => writeSync(readyDescriptor, 'ready\n') })
} catch (error) {
  writeLog('cannot start', error)
  const known = error instanceof DaemonError && error.code === 'DAEMON_RUNNING'
  process.exitCode = known ? exitStatuses.alreadyRunning : exitStatuses.failed
}
// Whatever still waits somewhere does not keep a stopped daemon alive.
process.exit()
