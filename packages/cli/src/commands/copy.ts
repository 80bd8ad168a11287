import type { Command } from '../command.ts'
import { parsePlatform } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, choice, integer, list } from '../flags/flag.ts'
import { progressDetails, progressFlag } from '../progress/progress-flag.ts'
import { showTransfer } from '../progress/show-transfer.ts'
import { copyImage } from '../transports/copy-image.ts'
import { copyMessages } from '../transports/copy-messages.ts'
import { openSink } from '../transports/open-sink.ts'
import { openSource } from '../transports/open-source.ts'
import { transportHelp } from '../transports/parse-transport.ts'

/** `gantry copy` */
export const copy: Command = defineCommand({
  name: 'copy',
  aliases: ['image copy'],
  summary: 'Copy an image between registries, the local store, directories and archives',
  usage: '[OPTIONS] SOURCE DESTINATION',
  details: `${transportHelp}
A DESTINATION without a prefix is a registry; under localhost/ it is the local store.

An image for several platforms is copied whole, and its digest stays. With one --platform only that image is copied,
with several an index of those. A Docker archive holds one platform: this machine's, unless --platform or --all.
From the local store to a registry layers are compressed with gzip, as "gantry push" does, unless --compression says
otherwise. Between registries nothing is written to the disk, except layers that --compression packs anew.

${progressDetails}`,
  arguments: [2, 2],
  flags: {
    all: boolean('All platforms, also into a Docker archive'),
    compression: choice('Pack layers anew: gzip, zstd or none; keep leaves them as they are', [
      'gzip',
      'zstd',
      'none',
      'keep',
    ]),
    format: choice('Convert manifests to the media types of oci or docker', ['oci', 'docker']),
    jobs: integer('Blobs that move at once', { short: 'j', initial: 4 }),
    platform: list('Only this platform (os/arch[/variant]); may be repeated', {
      check: (value) => void parsePlatform(value),
    }),
    progress: progressFlag,
    'preserve-digests': boolean('Fail rather than give the image another digest'),
    quiet: boolean('Print the digest only', { short: 'q' }),
    referrers: boolean(
      'Signatures, attestations, SBOMs and other referrers go along, also those that cosign keeps under tags',
    ),
  },
  async run({ context, flags, args: [from = '', to = ''] }) {
    const jobs = flags.jobs ?? 4
    if (jobs < 1 || jobs > 64) throw new CliError('INVALID', `Cannot copy with ${jobs} jobs: 1 to 64 are possible`)
    await using source = await openSource(context, from)
    await using sink = await openSink(context, to)
    const isStreamed = 'path' in sink.transport && sink.transport.path === '-'
    const out = isStreamed ? context.err : context.out
    const isJson = flags.progress === 'json'
    if (!flags.quiet && !isJson) out.write(`Copying ${source.label} to ${sink.label}\n`)
    let attached = 0
    const messages = copyMessages(async (onProgress) => {
      const copied = await copyImage(
        context,
        { source, sink },
        {
          all: flags.all,
          platforms: flags.platform.map((text) => parsePlatform(text)),
          preserveDigests: flags['preserve-digests'],
          referrers: flags.referrers,
          concurrency: jobs,
          onProgress,
          ...(flags.compression === undefined ? {} : { compression: flags.compression }),
          ...(flags.format === undefined ? {} : { format: flags.format }),
        },
      )
      attached = copied.attached
      return copied.descriptor
    })
    const { quiet, progress } = flags
    const done = await showTransfer(messages, out, {
      quiet,
      progress,
      subject: { verb: 'copy', reference: sink.label },
    })
    if (isJson) return
    if (!quiet && attached > 0) out.write(`${attached} referrers and tags went along\n`)
    out.write(`${done?.Digest}\n`)
  },
})
