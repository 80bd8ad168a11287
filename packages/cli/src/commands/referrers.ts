import type { Command } from '../command.ts'
import type { Descriptor } from '@gantry/oci'
import { defineCommand } from '../command.ts'
import { choice, text } from '../flags/flag.ts'
import { openSubject, referrersOf } from '../image-tools/attach-place.ts'
import { humanSize } from '../format/human-size.ts'
import { tabulate } from '../format/tabulate.ts'
import { transportHelp } from '../transports/parse-transport.ts'

/** `gantry referrers` */
export const referrers: Command = defineCommand({
  name: 'referrers',
  aliases: ['image referrers'],
  summary: 'List what refers to an image: signatures, attestations, SBOMs and other artifacts',
  usage: '[OPTIONS] IMAGE',
  details: `${transportHelp}

They come from the referrers API, and from the index under the tag sha256-<digest> of registries that have none.`,
  arguments: [1, 1],
  flags: {
    format: choice('Output as table or json (an index, as the API answers)', ['table', 'json']),
    platform: text('What refers to the image for this platform (os/arch[/variant]) of several'),
    type: text('Only artifacts of this type'),
  },
  async run({ context, flags, args: [name = ''] }) {
    await using place = await openSubject(context, name, flags.platform)
    const lister = referrersOf(place.source, context.signal)
    const found = await Array.fromAsync(lister.referrers(place.subject.digest, flags.type))
    if (flags.format === 'json') {
      const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: found }
      context.out.write(`${JSON.stringify(index, undefined, 2)}\n`)
      return
    }
    context.out.write(tabulate([['DIGEST', 'TYPE', 'MANIFEST', 'CREATED'], ...found.map(row)]))
  },
})

function row({ digest, artifactType = '', size, annotations = {} }: Descriptor): string[] {
  return [digest, artifactType, humanSize(size), annotations['org.opencontainers.image.created'] ?? '']
}
