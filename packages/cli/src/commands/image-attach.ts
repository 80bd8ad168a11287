import type { Command } from '../command.ts'
import { assembleArtifact } from '@gantry/image'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, list, text } from '../flags/flag.ts'
import { artifactFile, sbomType } from '../image-tools/artifact-file.ts'
import { attachArtifact, openSubject } from '../image-tools/attach-place.ts'
import { keyed } from '../image-tools/config-flags.ts'
import { transportHelp } from '../transports/parse-transport.ts'
import { codecOf } from '../transports/transport-parts.ts'

/** `gantry image attach` */
export const imageAttach: Command = defineCommand({
  name: 'image attach',
  aliases: ['artifact attach'],
  summary: 'Attach files to an image, as an artifact that refers to it',
  usage: '[OPTIONS] IMAGE [FILE[:MEDIATYPE]...]',
  details: `${transportHelp}

What is attached is found with "gantry referrers". In a registry without the referrers API it is listed under the tag
sha256-<digest>, as the specification says. --sbom tells SPDX from CycloneDX by itself. The same files make the same digest.`,
  arguments: [1],
  flags: {
    annotation: list('Annotation of the artifact (NAME=VALUE)', { short: 'a' }),
    platform: text('Attach to the image for this platform (os/arch[/variant]) of several'),
    quiet: boolean('Print the digest only', { short: 'q' }),
    sbom: text('Attach this file as a software bill of materials', { type: 'file' }),
    type: text('Type of the artifact, a media type such as application/vnd.example.report'),
  },
  async run({ context, flags, args: [name = '', ...files] }) {
    if (flags.sbom !== undefined && files.length > 0) {
      throw new CliError('INVALID', 'Cannot attach an SBOM together with other files: attach them one after the other')
    }
    const artifactType = flags.type ?? (flags.sbom === undefined ? undefined : await sbomType(flags.sbom))
    if (artifactType === undefined) {
      throw new CliError('INVALID', 'Cannot attach an artifact without a type', {
        hint: 'Give it with --type, or use --sbom FILE',
      })
    }
    const codec = codecOf(context)
    const blobs = []
    for (const file of flags.sbom === undefined ? files : [flags.sbom]) {
      const [path, mediaType] = flags.sbom === undefined ? split(file) : [file, artifactType]
      blobs.push(await artifactFile(path, mediaType, codec))
    }
    await using place = await openSubject(context, name, flags.platform)
    const annotations = Object.entries(keyed('annotation', flags.annotation)).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value]],
    )
    const artifact = await assembleArtifact(
      {
        artifactType,
        blobs,
        subject: place.subject,
        annotations: Object.fromEntries(annotations) as Record<string, string>,
      },
      codec,
    )
    await attachArtifact(context, place, artifact)
    const { digest } = artifact.descriptor
    context.out.write(flags.quiet ? `${digest}\n` : `Attached ${digest} (${artifactType}) to ${place.subject.digest}\n`)
  },
})

/** A path, and after its last colon a media type. */
function split(text: string): readonly [string, string] {
  const [, path, mediaType] = /^(.+):([\w.+-]+\/[\w.+-]+)$/.exec(text) ?? []
  return path === undefined || mediaType === undefined ? [text, 'application/octet-stream'] : [path, mediaType]
}
