import type { Command } from '../command.ts'
import { daemonStatus as statusOf } from '@gantry/daemon'
import { defineCommand } from '../command.ts'
import { boolean } from '../flags/flag.ts'
import { humanDuration } from '../format/human-duration.ts'

/** `gantry daemon status` */
export const daemonStatus: Command = defineCommand({
  name: 'daemon status',
  summary: 'Tell whether the daemon runs',
  usage: '[OPTIONS]',
  details: 'The exit code is 0 when it runs, and 3 when it does not, as service managers have it.',
  arguments: [0, 0],
  flags: { json: boolean('Print as JSON') },
  async run({ context, flags }) {
    const site = await context.site()
    const status = await statusOf(site)
    const { running, pid, version, startedAt, socket, log } = status
    const since = startedAt === undefined ? '' : ` for ${humanDuration(Date.now() - startedAt).toLowerCase()}`
    const first = running
      ? `The daemon runs${since} (process ${pid ?? '?'}${version === undefined ? '' : `, version ${version}`})`
      : 'The daemon does not run'
    context.out.write(
      flags.json
        ? `${JSON.stringify({ ...status, root: site.root }, undefined, 2)}\n`
        : `${first}\nRoot:    ${site.root}\nSocket:  unix://${socket}\nLog:     ${log}\n`,
    )
    return running ? 0 : 3
  },
})
