import type { Command } from '../command.ts'
import { collectRegistryGarbage } from '@gantry/registry'
import { defineCommand } from '../command.ts'
import { boolean } from '../flags/flag.ts'
import { humanSize } from '../format/human-size.ts'
import { clockNotice } from '../registry/clock-notice.ts'
import { durationFlag } from '../registry/duration-flag.ts'
import { openRegistryWorld } from '../registry/open-registry-world.ts'

/** `gantry registry gc` */
export const registryGc: Command = defineCommand({
  name: 'registry gc',
  summary: 'Remove what no image, tag or container leads to',
  usage: '[OPTIONS]',
  details: `It may run while registries and other commands use the same root: what a push counts on stays, and nobody waits long.
A server does it by itself every six hours.`,
  arguments: [0, 0],
  flags: {
    'dry-run': boolean('Remove nothing, only tell'),
    grace: durationFlag('Keep what was put or looked for within this time (default 1h)'),
    pending: durationFlag(
      'Keep what has no manifest yet for this time (default 24h); a push that takes longer may fail',
    ),
    json: boolean('Print JSON'),
  },
  async run({ context, flags }) {
    const { store, state } = await openRegistryWorld(context, 'collect garbage')
    const { grace, pending } = flags
    const garbage = await collectRegistryGarbage(
      { store, state },
      {
        dryRun: flags['dry-run'],
        signal: context.signal,
        ...(grace === undefined ? {} : { grace }),
        ...(pending === undefined ? {} : { pending }),
      },
    )
    if (flags.json) {
      context.out.write(`${JSON.stringify({ dryRun: flags['dry-run'], ...garbage })}\n`)
      return
    }
    const { blobs, bytes, uploads, links } = garbage
    const ahead = store.clockAhead()
    if (ahead > 0) context.err.write(clockNotice(ahead))
    const verb = flags['dry-run'] ? 'Would remove' : 'Removed'
    context.out.write(
      `${verb} ${blobs} blobs and ${uploads} uploads: ${humanSize(bytes)}; ${links} links of repositories\n`,
    )
  },
})
