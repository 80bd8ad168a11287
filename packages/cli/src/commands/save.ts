import type { Command } from '../command.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { choice, list, text } from '../flags/flag.ts'
import { isContentHere } from '../transports/transport-parts.ts'
import { writeWhole } from '../transports/write-whole.ts'

/** `gantry save` */
export const save: Command = defineCommand({
  name: 'save',
  aliases: ['image save'],
  summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  details: `The archive is an OCI image layout that carries Docker's manifest.json as well: Docker, Podman, skopeo, containerd and
"gantry load" take it. An image given by several names is in it once, under all of them. Of an image for several platforms
all that are here are saved, unless --platform chooses one.`,
  arguments: [1],
  flags: {
    compress: choice('Compress the archive with gzip or zstd', ['gzip', 'zstd']),
    format: choice('docker-archive, or oci-archive without the parts for Docker', ['docker-archive', 'oci-archive']),
    output: text('Write to a file, instead of STDOUT', { short: 'o' }),
    platform: list('Only the image for this platform (os/arch[/variant]); may be repeated'),
  },
  async run({ context, flags, args }) {
    const output = flags.output ?? '-'
    if (output === '-' && context.out.isTerminal) {
      throw new CliError('FAILED', 'Cannot save to a terminal: an archive is no text', {
        hint: 'Use the -o flag or redirect',
      })
    }
    if (await isContentHere(context)) {
      const { saveFromStore } = await import('../transports/save-from-store.ts')
      return saveFromStore(context, args, { ...flags, output })
    }
    onlyPlain(flags)
    const store = await openImages(context)
    await writeWhole(context, output, store.save(args, { signal: context.signal }))
  },
})

/** What Docker's API has no words for. */
function onlyPlain(flags: {
  readonly compress: unknown
  readonly format: unknown
  readonly platform: readonly string[]
}): void {
  const isPlain = flags.compress === undefined && flags.format === undefined && flags.platform.length === 0
  if (isPlain) return
  throw new CliError('UNSUPPORTED', 'Cannot choose the form of the archive through the daemon', {
    hint: 'Leave out --compress, --format and --platform, or run it as the owner of the root',
  })
}
