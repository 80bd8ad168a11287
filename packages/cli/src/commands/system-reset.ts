import { statSync } from 'node:fs'
import type { RootContents } from '@gantry/daemon'
import type { Command } from '../command.ts'
import { hasRoot, resetRoot, rootContents } from '@gantry/daemon'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { notRoot } from '../connect.ts'
import { boolean } from '../flags/flag.ts'
import { ask } from '../term/ask.ts'

/** `gantry system reset` */
export const systemReset: Command = defineCommand({
  name: 'system reset',
  summary: 'Remove all containers, images, volumes and networks, and everything done to this machine for them',
  usage: '[OPTIONS]',
  details:
    'Stops the daemon, takes back every change that the ledger knows of, and removes the root directory. Needs neither a running daemon nor a working runtime.',
  arguments: [0, 0],
  flags: { force: boolean('Do not ask', { short: 'f' }) },
  async run({ context, flags }) {
    const site = await context.site()
    if (!hasRoot(site)) {
      context.out.write(`There is nothing at ${site.root}\n`)
      return 0
    }
    // Who is not root has images at most, in a root directory of their own.
    const user = process.getuid?.()
    if (user !== 0 && statSync(site.root).uid !== user) throw notRoot()
    context.err.write(describe(site.root, await rootContents(site)))
    if (!flags.force) {
      if (!process.stdin.isTTY)
        throw new CliError('INVALID', 'Cannot ask whether to remove all this: standard input is not a terminal', {
          hint: 'Give --force to remove it without being asked',
        })
      if (!/^y(es)?$/i.test(await ask('Remove all this for good? [y/N] '))) {
        context.err.write('Nothing was removed\n')
        return 1
      }
    }
    const left = await resetRoot(site)
    context.out.write(`Removed ${site.root}\n`)
    if (left.length > 0) context.err.write(`Left in it, for it is not Gantry's: ${left.join(' ')}\n`)
    return 0
  },
})

function describe(root: string, { containers, images, volumes, networks }: RootContents): string {
  const running = containers.filter((each) => each.running).length
  return [
    `This removes for good, from ${root}:`,
    `  ${containers.length} containers${running === 0 ? '' : `, ${running} of them running`}${named(containers.map(({ name }) => name))}`,
    `  ${images} images`,
    `  ${volumes.length} volumes with their data${named(volumes)}`,
    `  ${networks.length} networks with their bridges and firewall rules${named(networks)}`,
    '  the daemon, the build cache and the logs',
    '',
  ].join('\n')
}

function named(names: readonly string[]): string {
  if (names.length === 0) return ''
  return `: ${names.slice(0, 10).join(' ')}${names.length > 10 ? ` and ${names.length - 10} more` : ''}`
}
