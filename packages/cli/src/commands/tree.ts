import type { Command } from '../command.ts'
import { imageTree, type FileChange, type ImageTree } from '@gantry/image'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, choice, integer, text } from '../flags/flag.ts'
import { fileLine, fileRecord } from '../image-tools/file-line.ts'
import { openOne } from '../image-tools/open-one.ts'
import { humanSize } from '../format/human-size.ts'
import { ellipsis } from '../format/short-id.ts'
import { tabulate } from '../format/tabulate.ts'
import { transportHelp } from '../transports/parse-transport.ts'
import type { Output } from '../output.ts'

const marks = { added: '+', changed: '~', deleted: '-', unchanged: ' ' } as const

/** `gantry tree` */
export const tree: Command = defineCommand({
  name: 'tree',
  aliases: ['image tree'],
  summary: 'Show the layers and files of an image, and which bytes are wasted',
  usage: '[OPTIONS] IMAGE',
  details: `${transportHelp}

Without an option: the layers, and the paths whose bytes nobody sees any more because later layers replace or remove them.
--files lists every file with the layer it comes from; --layer what one layer adds (+), changes (~) and deletes (-).
--format=json prints one object; with --files or --layer an object per line.`,
  arguments: [1, 1],
  flags: {
    files: boolean('List the files that the image shows'),
    format: choice('Output as table or json', ['table', 'json']),
    layer: integer('List what this layer changes (1 is the lowest, -1 the topmost)'),
    platform: text('The image for this platform (os/arch[/variant]) instead of this machine’s'),
    top: integer('How many wasted paths are shown', { initial: 10 }),
  },
  async run({ context, flags, args: [name = ''] }) {
    if (flags.files && flags.layer !== undefined) {
      throw new CliError('INVALID', 'Cannot list both all files and those of a layer: choose --files or --layer')
    }
    await using opened = await openOne(context, name, flags.platform)
    const { image } = opened
    const json = flags.format === 'json'
    const { out, signal } = context
    if (flags.layer !== undefined) {
      const { length } = await image.layers()
      const index = flags.layer < 0 ? length + flags.layer : flags.layer - 1
      if (index < 0 || index >= length) {
        throw new CliError('INVALID', `Cannot show layer ${flags.layer}: the image has ${length}`)
      }
      await imageTree(image, {
        signal,
        onChange: (change, layer) => {
          if (layer === index) out.write(json ? changeJson(change) : changeLine(change))
        },
      })
      return
    }
    const found = await imageTree(image, { signal })
    if (flags.files) {
      for (const { path, header, layer } of found.files()) {
        out.write(
          json
            ? `${JSON.stringify({ ...fileRecord(header, path), layer: layer + 1 })}\n`
            : `${String(layer + 1).padStart(3)}  ${fileLine(header, path)}\n`,
        )
      }
      return
    }
    if (json) out.write(`${JSON.stringify(summary(found), undefined, 2)}\n`)
    else print(out, found, flags.top ?? 10)
  },
})

function changeLine({ kind, path, header }: FileChange): string {
  return `${marks[kind]} ${fileLine(header, path)}\n`
}

function changeJson({ kind, path, header }: FileChange): string {
  return `${JSON.stringify({ change: kind, ...fileRecord(header, path) })}\n`
}

function print(out: Output, { layers, bytes, wasted, wastedBytes }: ImageTree, top: number): void {
  const rows = layers.map(({ index, layer, bytes: own, added, changed, deleted, createdBy }) => [
    String(index + 1),
    layer.diffId.slice('sha256:'.length, 'sha256:'.length + 12),
    humanSize(layer.descriptor.size),
    humanSize(own),
    `+${added} ~${changed} -${deleted}`,
    ellipsis((createdBy ?? '').replaceAll(/\s+/g, ' '), 60),
  ])
  out.write(tabulate([['LAYER', 'DIFF ID', 'BLOB', 'FILES', 'CHANGES', 'CREATED BY'], ...rows]))
  const all = bytes + wastedBytes
  const share = all === 0 ? 0 : (100 * wastedBytes) / all
  out.write(`\n${humanSize(bytes)} in files, ${humanSize(wastedBytes)} wasted (${share.toFixed(1)} %)\n`)
  const shown = wasted.slice(0, top)
  if (shown.length === 0) return
  out.write(
    `\n${tabulate([['WASTED', 'TIMES', 'PATH'], ...shown.map((each) => [humanSize(each.bytes), String(each.times), `/${each.path}`])])}`,
  )
}

function summary({ layers, bytes, wasted, wastedBytes }: ImageTree): unknown {
  return {
    layers: layers.map(({ index, layer, ...counts }) => ({
      layer: index + 1,
      digest: layer.descriptor.digest,
      diffId: layer.diffId,
      mediaType: layer.descriptor.mediaType,
      size: layer.descriptor.size,
      ...counts,
    })),
    bytes,
    wastedBytes,
    wasted: wasted.map((each) => ({ ...each, path: `/${each.path}` })),
  }
}
