import type { Command } from '../command.ts'
import {
  defaultLogOf,
  readSettings,
  runDaemon,
  startDaemonInBackground,
  writeSettings,
  type DaemonSettings,
} from '@gantry/daemon'
import type { Site } from '@gantry/linux'
import { CliError } from '../cli-error.ts'
import { notRoot } from '../connect.ts'
import { defineCommand } from '../command.ts'
import { boolean, list, parsed, text } from '../flags/flag.ts'
import { pairsOf } from '../flags/pairs-of.ts'
import { parseBytes } from '../format/human-size.ts'

/** `gantry daemon start` */
export const daemonStart: Command = defineCommand({
  name: 'daemon start',
  summary: 'Start the daemon',
  usage: '[OPTIONS]',
  details: `Commands start the daemon by themselves when they need it; one that runs already is left alone.

The disk budget is kept in settings.json of the root, and a daemon that runs keeps to it from its next round on, every ten minutes (or at
once on SIGHUP). It counts what can be had again and what was left over: content that nothing leads to, layers that are unpacked beside
their blobs, the build cache, and containers that ended over an hour ago and have no restart policy. They go in this order, the longest
unused first. Volumes, images with names and what runs are not counted, and never touched.

The default log driver and its options are kept there, too; a daemon that runs takes them over on SIGHUP. Containers that are there already
keep what they have. "--log-driver local" alone is how it is without settings: files of 10 MB, three of them.`,
  arguments: [0, 0],
  flags: {
    'disk-budget': parsed(
      'Keep caches and stopped leftovers under this size from now on (such as "20GB"; 0 ends it)',
      'bytes',
      parseBytes,
    ),
    'log-driver': text('Where output goes, from now on, of containers that do not say', { type: 'driver' }),
    'log-opt': list('Options for containers that take that driver (such as "max-size=50m")', { type: 'name=value' }),
    foreground: boolean('Stay in the foreground, for a service manager'),
    'registry-addr': text('Serve the local images as a registry there, too', { type: 'host:port' }),
    'registry-config': text('Configuration of that registry; registry.json in the root is used without being named', {
      type: 'file',
    }),
  },
  async run({ context, flags }) {
    if (process.getuid?.() !== 0) throw notRoot()
    const site = await context.site()
    const budget = flags['disk-budget']
    if (budget !== undefined) {
      const { diskBudget: _, ...others } = readSettings(site)
      writeSettings(site, budget === 0 ? others : { ...others, diskBudget: budget })
    }
    keepDefaultLog(site, flags['log-driver'], flags['log-opt'])
    const { 'registry-addr': address, 'registry-config': config } = flags
    if (flags.foreground) {
      if (address !== undefined) process.env['GANTRY_REGISTRY_ADDR'] = address
      if (config !== undefined) process.env['GANTRY_REGISTRY_CONFIG'] = config
      return runDaemon(site)
    }
    const registry = { ...(address === undefined ? {} : { address }), ...(config === undefined ? {} : { config }) }
    const { pid, started } = await startDaemonInBackground(site, { registry })
    context.out.write(
      started
        ? `Started the daemon (process ${pid}) on unix://${site.socket}\n`
        : `The daemon runs already (process ${pid}) on unix://${site.socket}\n`,
    )
    if (!started && (address ?? config) !== undefined) {
      throw new CliError('FAILED', 'Cannot let the daemon serve a registry: it runs already', {
        hint: 'Stop it with "gantry daemon stop" first; containers go on',
      })
    }
    return 0
  },
})

/** Keeps what is given as the default of a root, when it is of use. @throws DaemonError SETTINGS_INVALID; nothing is kept then */
function keepDefaultLog(site: Site, driver: string | undefined, given: readonly string[]): void {
  if (driver === undefined && given.length === 0) return
  const { logDriver, logOpts: _, ...others } = readSettings(site)
  const settings: DaemonSettings = {
    ...others,
    ...(driver === undefined ? (logDriver === undefined ? {} : { logDriver }) : { logDriver: driver }),
    ...(given.length === 0 ? {} : { logOpts: pairsOf(given, '--log-opt') ?? {} }),
  }
  defaultLogOf(settings)
  writeSettings(site, settings)
}
