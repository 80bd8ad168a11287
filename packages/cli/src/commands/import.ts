import type { Command } from '../command.ts'
import { applyChanges } from '@gantry/engine'
import { assembleImage, ingestLayer } from '@gantry/image'
import { normalizePlatform, parsePlatform } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, list, text } from '../flags/flag.ts'
import { momentText } from '../image-tools/config-flags.ts'
import { layerInput } from '../image-tools/layer-input.ts'
import { compressionFlag, openResult, writeResult } from '../image-tools/result.ts'
import { transportHelp } from '../transports/parse-transport.ts'
import { codecOf, contentOf, platformOfHost } from '../transports/transport-parts.ts'

/** `gantry import` */
export const importImage: Command = defineCommand({
  name: 'import',
  aliases: ['image import'],
  summary: 'Make an image of a root file system: a tar archive or a directory',
  usage: '[OPTIONS] FILE|DIRECTORY|- [REPOSITORY[:TAG]]',
  details: `${transportHelp}
A name without a prefix is in the local store.

The archive may be compressed with gzip or zstd. With --created the same files make the same digest; without it the image tells
this moment.`,
  arguments: [1, 2],
  flags: {
    change: list('Apply Dockerfile instruction to the created image', { short: 'c' }),
    compression: compressionFlag(),
    created: text('Time of creation: RFC 3339, or seconds since 1970', { type: 'time' }),
    message: text('Set commit message for imported image', { short: 'm' }),
    platform: text('Platform of the image (os/arch[/variant]) instead of this machine’s'),
    quiet: boolean('Print the digest only', { short: 'q' }),
  },
  async run({ context, flags, args: [file = '', name] }) {
    if (/^https?:\/\//.test(file)) {
      throw new CliError('UNSUPPORTED', `Cannot import "${file}": addresses are not read`, {
        hint: 'Fetch it with curl and import "-"',
      })
    }
    const created = flags.created === undefined ? new Date().toISOString() : momentText(flags.created)
    const config = applyChanges({}, flags.change)
    const platform = flags.platform === undefined ? platformOfHost() : parsePlatform(flags.platform)
    const tar = await layerInput(context, file)
    const codec = codecOf(context)
    // Docker gives what it imports an id alone; here content that nothing names would not be kept.
    await using place = await openResult(context, {
      to: name ?? 'localhost/imported:latest',
      from: undefined,
      compression: flags.compression,
    })
    const layer = await ingestLayer(tar, place.spool, {
      codec,
      compression: place.compression,
      signal: context.signal,
    })
    const comment = flags.message ?? `Imported from ${file}`
    const image = await assembleImage(
      {
        config: {
          created,
          ...normalizePlatform(platform),
          ...(Object.keys(config).length === 0 ? {} : { config }),
          history: [{ created, created_by: 'import', comment }],
        },
        layers: [layer],
      },
      { source: place.spool, codec },
    )
    const { digest } = await writeResult(context, place, { view: image, from: undefined })
    if (place.sink.transport.kind === 'store' && place.sink.name !== undefined) {
      const { store } = await contentOf(context)
      store.record({ kind: 'load', digest: image.configDescriptor.digest, name: place.sink.name })
    }
    context.out.write(
      `${place.sink.transport.kind === 'store' && !flags.quiet ? image.configDescriptor.digest : digest}\n`,
    )
  },
})
