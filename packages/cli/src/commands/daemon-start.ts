import type { Command } from '../command.ts'
import { runDaemon, startDaemonInBackground } from '@gantry/daemon'
import { notRoot } from '../connect.ts'
import { defineCommand } from '../command.ts'
import { boolean } from '../flags/flag.ts'

/** `gantry daemon start` */
export const daemonStart: Command = defineCommand({
  name: 'daemon start',
  summary: 'Start the daemon',
  usage: '[OPTIONS]',
  details: 'Commands start the daemon by themselves when they need it; one that runs already is left alone.',
  arguments: [0, 0],
  flags: { foreground: boolean('Stay in the foreground, for a service manager') },
  async run({ context, flags }) {
    if (process.getuid?.() !== 0) throw notRoot()
    const site = await context.site()
    if (flags.foreground) return runDaemon(site)
    const { pid, started } = await startDaemonInBackground(site)
    context.out.write(
      started
        ? `Started the daemon (process ${pid}) on unix://${site.socket}\n`
        : `The daemon runs already (process ${pid}) on unix://${site.socket}\n`,
    )
    return 0
  },
})
