import type { Command } from '../command.ts'
import { diagnose, readHost, type Host, type Verdict } from '@gantry/linux'
import { hostObstacles, networkChecks, tableName } from '@gantry/network'
import { defineCommand } from '../command.ts'
import { boolean } from '../flags/flag.ts'
import { renderVerdicts } from '../doctor/render-verdicts.ts'

/** `gantry doctor` */
export const doctor: Command = defineCommand({
  name: 'doctor',
  summary: 'Check that this machine can run containers, and say how to mend it',
  usage: '[OPTIONS]',
  details: 'Needs neither a daemon nor root. The exit code is 1 when something fails; warnings do not count.',
  arguments: [0, 0],
  flags: { json: boolean('Print as JSON') },
  async run({ context, flags }) {
    const host = await readHost()
    const site = await context.site()
    const verdicts = [
      ...(await diagnose({ site, host })),
      ...networkFindings(host),
      ...(await obstacles(tableName(site.instance))),
    ]
    const hasFailed = verdicts.some(({ verdict }) => verdict === 'failure')
    context.out.write(
      flags.json
        ? `${JSON.stringify(verdicts, undefined, 2)}\n`
        : renderVerdicts(verdicts, { columns: context.out.columns, colour: context.out.isTerminal }),
    )
    return hasFailed ? 1 : 0
  },
})

/** What networks lack beside other firewalls. Tools, names and forwarding have verdicts already. */
function networkFindings(host: Host): Verdict[] {
  return networkChecks(host, host.tools['aardvark-dns'] !== undefined)
    .filter(({ ok, subject }) => !ok && subject === 'firewall')
    .map(({ sentence, command }) => ({
      topic: 'networks',
      verdict: 'warning',
      sentence,
      ...(command === undefined ? {} : { mend: command }),
    }))
}

/** Rules of somebody else that let no packet of a container pass. */
async function obstacles(table: string): Promise<Verdict[]> {
  const found = await hostObstacles(table)
  return found.map(({ sentence, command }) => ({ topic: 'networks', verdict: 'warning', sentence, mend: command }))
}
