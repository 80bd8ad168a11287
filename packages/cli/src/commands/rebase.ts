import type { Command } from '../command.ts'
import { baseAnnotations, mapImages, openImage, rebase as rebaseImage, type Image } from '@gantry/image'
import { formatPlatform, isIndexType, parsePlatform, parseReference } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { boolean, text } from '../flags/flag.ts'
import { openResult, printResult, resultDetails, tagFlag, writeResult } from '../image-tools/result.ts'
import type { ImageSource } from '../transports/image-source.ts'
import { openSource } from '../transports/open-source.ts'
import { transportHelp } from '../transports/parse-transport.ts'
import { codecOf } from '../transports/transport-parts.ts'

/** `gantry rebase` */
export const rebase: Command = defineCommand({
  name: 'rebase',
  aliases: ['image rebase'],
  summary: 'Put an image on a newer base, without building it again',
  usage: '[OPTIONS] IMAGE',
  details: `${transportHelp}

${resultDetails}
The bases may be left out where the image's annotations tell them (org.opencontainers.image.base.name and .digest): the old one
is found by its digest, the new one is what the name stands for now. The layers of the old base have to be the lowest of the
image. What the image itself set stays: variables, labels, ports and volumes, user, command and so on; what it only had from the
old base is as in the new one.`,
  arguments: [1, 1],
  flags: {
    'new-base': text('The base that it gets', { type: 'image' }),
    'old-base': text('The base that it was made from', { type: 'image' }),
    platform: text('Rebase only the image for this platform (os/arch[/variant])'),
    quiet: boolean('Print the digest only', { short: 'q' }),
    tag: tagFlag(),
  },
  async run({ context, flags, args: [name = ''] }) {
    await using source = await openSource(context, name)
    await using place = await openResult(context, { to: flags.tag, from: source, compression: undefined })
    const codec = codecOf(context)
    const bases = new Map<string, Promise<ImageSource>>()
    const base = (text: string): Promise<ImageSource> => {
      const known = bases.get(text) ?? openSource(context, text)
      bases.set(text, known)
      return known
    }
    context.defer(async () => {
      for (const each of bases.values()) await (await each.catch(() => undefined))?.[Symbol.asyncDispose]()
    })
    const view = await mapImages(source.blobs, source.descriptor, {
      codec,
      sparse: source.transport.kind !== 'registry',
      signal: context.signal,
      ...(flags.platform === undefined ? {} : { platform: parsePlatform(flags.platform) }),
      change: async (image) => {
        const told = (await image.manifest()).annotations ?? {}
        const baseName = told[baseAnnotations.name]
        const newName = flags['new-base'] ?? baseName
        const oldName = flags['old-base'] ?? oldBaseOf(baseName, told[baseAnnotations.digest])
        if (newName === undefined || oldName === undefined) throw unknownBase(name, newName === undefined)
        return rebaseImage(image, {
          codec,
          oldBase: await baseFor(context, await base(oldName), image),
          newBase: await baseFor(context, await base(newName), image),
          newBaseName: newName.replace(/^(?:docker:\/\/|store:|registry:)/, ''),
        })
      },
    })
    const { digest } = await writeResult(context, place, { view, from: source })
    printResult(context, place, { digest, quiet: flags.quiet })
  },
})

/** The image of a base for the platform of what stands on it. */
async function baseFor(context: Context, { blobs, descriptor }: ImageSource, image: Image): Promise<Image> {
  const platform = isIndexType(descriptor.mediaType)
    ? { platform: parsePlatform(formatPlatform(await image.config())) }
    : {}
  return openImage(blobs, descriptor, { codec: codecOf(context), signal: context.signal, ...platform })
}

function oldBaseOf(name: string | undefined, digest: string | undefined): string | undefined {
  if (name === undefined || digest === undefined) return undefined
  const { registry, repository } = parseReference(name)
  return `${registry}/${repository}@${digest}`
}

function unknownBase(name: string, isNew: boolean): CliError {
  const which = isNew ? 'new' : 'old'
  return new CliError(
    'INVALID',
    `Cannot rebase "${name}": it does not tell its base, and there is no --${which}-base`,
    {
      hint: `Give the ${which} base with --${which}-base`,
    },
  )
}
