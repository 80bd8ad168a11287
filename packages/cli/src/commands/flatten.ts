import type { Command } from '../command.ts'
import { flatten as flattenImage, mapImages } from '@gantry/image'
import { parsePlatform } from '@gantry/oci'
import { defineCommand } from '../command.ts'
import { boolean, text } from '../flags/flag.ts'
import { compressionFlag, openResult, printResult, resultDetails, tagFlag, writeResult } from '../image-tools/result.ts'
import { openSource } from '../transports/open-source.ts'
import { transportHelp } from '../transports/parse-transport.ts'
import { codecOf } from '../transports/transport-parts.ts'

/** `gantry flatten` */
export const flatten: Command = defineCommand({
  name: 'flatten',
  aliases: ['image flatten'],
  summary: 'Make the layers of an image into one, without what they hide or replace',
  usage: '[OPTIONS] IMAGE',
  details: `${transportHelp}

${resultDetails}
The same image makes the same digest.`,
  arguments: [1, 1],
  flags: {
    compression: compressionFlag(),
    platform: text('Flatten only the image for this platform (os/arch[/variant])'),
    quiet: boolean('Print the digest only', { short: 'q' }),
    tag: tagFlag(),
  },
  async run({ context, flags, args: [name = ''] }) {
    await using source = await openSource(context, name)
    await using place = await openResult(context, { to: flags.tag, from: source, compression: flags.compression })
    const codec = codecOf(context)
    const { signal } = context
    const view = await mapImages(source.blobs, source.descriptor, {
      codec,
      sparse: source.transport.kind !== 'registry',
      signal,
      ...(flags.platform === undefined ? {} : { platform: parsePlatform(flags.platform) }),
      change: (image) => flattenImage(image, { codec, into: place.spool, compression: place.compression, signal }),
    })
    const { digest } = await writeResult(context, place, { view, from: source })
    printResult(context, place, { digest, quiet: flags.quiet })
  },
})
