import type { Command } from '../command.ts'
import { append as appendLayers, mapImages } from '@gantry/image'
import { parsePlatform } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, integer, text } from '../flags/flag.ts'
import { layerInput } from '../image-tools/layer-input.ts'
import { compressionFlag, openResult, printResult, resultDetails, tagFlag, writeResult } from '../image-tools/result.ts'
import { openSource } from '../transports/open-source.ts'
import { transportHelp } from '../transports/parse-transport.ts'
import { codecOf } from '../transports/transport-parts.ts'

/** `gantry append` */
export const append: Command = defineCommand({
  name: 'append',
  aliases: ['image append'],
  summary: 'Put tar archives or directories on top of an image, each as a layer',
  usage: '[OPTIONS] IMAGE FILE|DIRECTORY|- [FILE|DIRECTORY...]',
  details: `${transportHelp}

${resultDetails}
Archives may be compressed with gzip or zstd. Of an image for several platforms every one gets the layers, unless --platform
chooses one. The same files make the same digest; times and owners are those of the files, unless --mtime and --owner say
otherwise.`,
  arguments: [2],
  flags: {
    comment: text('What the history tells of the layers (default "append FILE")', { short: 'm' }),
    compression: compressionFlag(),
    mtime: integer('Time of every file, in seconds since 1970', { type: 'seconds' }),
    owner: text('Owner of every file, as UID[:GID]'),
    platform: text('Append only to the image for this platform (os/arch[/variant])'),
    prefix: text('Directory of the image that the files go into'),
    quiet: boolean('Print the digest only', { short: 'q' }),
    tag: tagFlag(),
  },
  async run({ context, flags, args: [name = '', ...files] }) {
    await using source = await openSource(context, name)
    await using place = await openResult(context, { to: flags.tag, from: source, compression: flags.compression })
    const codec = codecOf(context)
    const input = {
      ...(flags.prefix === undefined ? {} : { prefix: flags.prefix }),
      ...(flags.owner === undefined ? {} : { owner: ownerOf(flags.owner) }),
      ...(flags.mtime === undefined ? {} : { mtime: flags.mtime }),
    }
    const view = await mapImages(source.blobs, source.descriptor, {
      codec,
      sparse: source.transport.kind !== 'registry',
      signal: context.signal,
      ...(flags.platform === undefined ? {} : { platform: parsePlatform(flags.platform) }),
      change: async (image) => {
        const layers = []
        for (const file of files) {
          layers.push({
            tar: await layerInput(context, file, input),
            history: { created_by: flags.comment ?? `append ${file}` },
          })
        }
        return appendLayers(image, layers, {
          codec,
          into: place.spool,
          compression: place.compression,
          signal: context.signal,
        })
      },
    })
    const { digest } = await writeResult(context, place, { view, from: source })
    printResult(context, place, { digest, quiet: flags.quiet })
  },
})

function ownerOf(text: string): { uid: number; gid: number } {
  const [, uid, gid = uid] = /^(\d+)(?::(\d+))?$/.exec(text) ?? []
  if (uid === undefined) throw new CliError('INVALID', `Cannot read the owner "${text}": it is not UID or UID:GID`)
  return { uid: Number(uid), gid: Number(gid) }
}
