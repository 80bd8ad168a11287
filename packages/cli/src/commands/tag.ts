import type { Command } from '../command.ts'
import { formatReference, parseReference } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'

/** `gantry tag` */
export const tag: Command = defineCommand({
  name: 'tag',
  aliases: ['image tag'],
  summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  arguments: [2, 2],
  flags: {},
  async run({ context, args: [source = '', target = ''] }) {
    const reference = parseReference(target)
    if (reference.digest !== undefined)
      throw new CliError(
        'INVALID',
        `Cannot tag "${target}": a digest names content, and cannot be given to other content`,
      )
    const store = await openImages(context)
    await store.tag(source, formatReference(reference))
  },
})
