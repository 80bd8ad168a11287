import type { Command } from '../command.ts'
import { diffImages, type FileDifference, type ImageDifference } from '@gantry/image'
import { defineCommand } from '../command.ts'
import { boolean, choice, text } from '../flags/flag.ts'
import { fileLine, fileRecord } from '../image-tools/file-line.ts'
import { openOne } from '../image-tools/open-one.ts'
import { humanSize } from '../format/human-size.ts'
import type { Output } from '../output.ts'
import { codecOf } from '../transports/transport-parts.ts'
import { transportHelp } from '../transports/parse-transport.ts'

/** `gantry image diff` */
export const imageDiff: Command = defineCommand({
  name: 'image diff',
  summary: 'Compare two images: configuration, layers and files',
  usage: '[OPTIONS] IMAGE IMAGE',
  details: `${transportHelp}

Files are compared by type, mode, owner, size, content, link, device and extended attributes; by time too with --times. Layers that
both images have are not read for their content.`,
  arguments: [2, 2],
  flags: {
    'exit-code': boolean('Exit with 1 when the images differ'),
    format: choice('Output as text or json', ['text', 'json']),
    'no-files': boolean('Compare configuration and layers only'),
    platform: text('The images for this platform (os/arch[/variant]) instead of this machine’s'),
    quiet: boolean('Print nothing; exit with 1 when the images differ', { short: 'q' }),
    times: boolean('Files differ by their times too'),
  },
  async run({ context, flags, args: [first = '', second = ''] }) {
    await using one = await openOne(context, first, flags.platform)
    await using other = await openOne(context, second, flags.platform)
    const difference = await diffImages(one.image, other.image, {
      codec: codecOf(context),
      files: !flags['no-files'],
      times: flags.times,
      signal: context.signal,
    })
    if (!flags.quiet && flags.format === 'json')
      context.out.write(`${JSON.stringify(record(difference), undefined, 2)}\n`)
    else if (!flags.quiet) print(context.out, difference)
    return (flags['exit-code'] || flags.quiet) && !difference.isSame ? 1 : 0
  },
})

function print(out: Output, { isSame, config, layers, files }: ImageDifference): void {
  if (isSame) {
    out.write('The images are the same\n')
    return
  }
  if (config.length > 0) out.write('Configuration:\n')
  for (const { field, before, after } of config) {
    if (before !== undefined) out.write(`- ${field}: ${JSON.stringify(before)}\n`)
    if (after !== undefined) out.write(`+ ${field}: ${JSON.stringify(after)}\n`)
  }
  const shared = layers.filter((layer) => layer.in === 'both').length
  const differing = layers.filter((layer) => layer.in !== 'both')
  if (differing.length > 0) out.write(`Layers (${shared} shared):\n`)
  for (const layer of differing) {
    const { diffId, descriptor } = layer
    out.write(`${layer.in === 'first' ? '-' : '+'} ${diffId} ${humanSize(descriptor.size)}\n`)
  }
  if (files !== undefined && files.length > 0) out.write('Files:\n')
  for (const file of files ?? []) out.write(fileText(file))
}

function fileText({ kind, path, aspects, before, after }: FileDifference): string {
  if (kind === 'added') return after === undefined ? '' : `+ ${fileLine(after.header, path)}\n`
  if (kind === 'removed') return before === undefined ? '' : `- ${fileLine(before.header, path)}\n`
  const lines = [`~ /${path.toWellFormed()} (${aspects.join(', ')})`]
  if (
    before !== undefined &&
    after !== undefined &&
    aspects.some((aspect) => aspect !== 'content' && aspect !== 'xattrs')
  ) {
    lines.push(`    - ${fileLine(before.header, path)}`, `    + ${fileLine(after.header, path)}`)
  }
  return `${lines.join('\n')}\n`
}

function record({ isSame, config, layers, files }: ImageDifference): unknown {
  const state = (each: FileDifference['before'], path: string): unknown =>
    each === undefined
      ? undefined
      : { ...fileRecord(each.header, path), ...(each.digest === undefined ? {} : { digest: each.digest }) }
  return {
    same: isSame,
    config: config.map(({ field, before, after }) => ({ field, before: before ?? null, after: after ?? null })),
    layers,
    ...(files === undefined
      ? {}
      : {
          files: files.map(({ kind, path, aspects, before, after }) => ({
            kind,
            path: `/${path.toWellFormed()}`,
            aspects,
            before: state(before, path),
            after: state(after, path),
          })),
        }),
  }
}
