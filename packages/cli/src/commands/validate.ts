import type { Command } from '../command.ts'
import { validateContent } from '@gantry/image'
import { defineCommand } from '../command.ts'
import { each } from '../each.ts'
import { boolean, choice } from '../flags/flag.ts'
import { openSource } from '../transports/open-source.ts'
import { transportHelp } from '../transports/parse-transport.ts'
import { codecOf } from '../transports/transport-parts.ts'

/** `gantry validate` */
export const validate: Command = defineCommand({
  name: 'validate',
  aliases: ['image validate'],
  summary: 'Check everything that an image is made of',
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  details: `${transportHelp}

Reads manifests, configurations and layers of every platform and reports what is missing or damaged, and what contradicts: digests,
sizes, media types, diff IDs, histories, platforms, tars and the paths in them. Exits with 1 when something is wrong. --fast reads
no layer, and only asks whether it is there.`,
  arguments: [1],
  flags: {
    fast: boolean('Do not read the layers'),
    format: choice('Output as text or json (an object per image)', ['text', 'json']),
    quiet: boolean('Print problems only', { short: 'q' }),
  },
  async run({ context, flags, args }) {
    let isSound = true
    const failed = await each(context, args, async (name) => {
      await using source = await openSource(context, name)
      let checked = 0
      const problems = await validateContent(source.blobs, source.descriptor, {
        codec: codecOf(context),
        depth: flags.fast ? 'fast' : 'full',
        // A store or archive may have one platform of several.
        sparse: source.transport.kind !== 'registry',
        signal: context.signal,
        onChecked: () => void checked++,
      })
      if (problems.length > 0) isSound = false
      if (flags.format === 'json') {
        return JSON.stringify({ image: name, digest: source.descriptor.digest, checked, problems })
      }
      if (problems.length > 0) return problems.map(({ code, message }) => `${name}: ${code}: ${message}`).join('\n')
      return flags.quiet ? undefined : `${name}: valid (${checked} blobs)`
    })
    return failed === 0 && isSound ? 0 : 1
  },
})
