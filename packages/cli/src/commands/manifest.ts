import type { Command } from '../command.ts'
import { openImage, readDocument } from '@gantry/image'
import { isIndexType, parsePlatform } from '@gantry/oci'
import { defineCommand } from '../command.ts'
import { boolean, text } from '../flags/flag.ts'
import { openSource } from '../transports/open-source.ts'
import { transportHelp } from '../transports/parse-transport.ts'
import { codecOf, platformOfHost } from '../transports/transport-parts.ts'

/** `gantry manifest` */
export const manifest: Command = defineCommand({
  name: 'manifest',
  aliases: ['image manifest'],
  summary: 'Print the manifest of an image, its configuration or its digest',
  usage: '[OPTIONS] IMAGE',
  details: `${transportHelp}

What is printed is what is stored: with --raw the very bytes, otherwise indented. Of an image for several platforms it is the index,
unless --platform chooses one.`,
  arguments: [1, 1],
  flags: {
    config: boolean('Print the configuration (of this machine’s platform, unless --platform says otherwise)'),
    digest: boolean('Print the digest only'),
    descriptor: boolean('Print the descriptor only'),
    platform: text('The manifest for this platform (os/arch[/variant])'),
    raw: boolean('Print the bytes as they are stored'),
    verbose: boolean('Print the descriptor and the manifest', { short: 'v' }),
  },
  async run({ context, flags, args: [name = ''] }) {
    await using source = await openSource(context, name)
    const { blobs, descriptor: root } = source
    const { signal } = context
    let descriptor = root
    if (flags.platform !== undefined || flags.config) {
      const platform = flags.platform === undefined ? platformOfHost() : parsePlatform(flags.platform)
      const isIndex = isIndexType(root.mediaType)
      const image = await openImage(blobs, root, { codec: codecOf(context), signal, ...(isIndex ? { platform } : {}) })
      descriptor = flags.config ? image.configDescriptor : image.descriptor
    }
    if (flags.digest) return context.out.write(`${descriptor.digest}\n`)
    if (flags.descriptor) return context.out.write(`${JSON.stringify(descriptor, undefined, 2)}\n`)
    const bytes = await readDocument(blobs, descriptor, { signal })
    if (flags.raw) return context.out.write(bytes)
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    context.out.write(`${JSON.stringify(flags.verbose ? { descriptor, content: value } : value, undefined, 2)}\n`)
  },
})
