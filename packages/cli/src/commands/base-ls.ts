import type { ImageSummary } from '@gantry/client'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { listFormat } from '../format/format-flag.ts'
import { humanAge } from '../format/human-duration.ts'
import { humanSize } from '../format/human-size.ts'
import { printRows } from '../format/print-rows.ts'
import { shortId } from '../format/short-id.ts'

const bases: readonly (readonly [name: string, contents: string])[] = [
  ['debian', "a minimal system of the host's distribution"],
  ['busybox', 'one static program with the usual commands'],
  ['node', 'the debian base with Node.js and npm'],
]

/** `gantry base ls` */
export const baseLs: Command = defineCommand({
  name: 'base ls',
  aliases: ['base list'],
  summary: 'List the base images that can be built',
  usage: '[OPTIONS]',
  arguments: [0, 0],
  flags: { format: listFormat() },
  async run({ context, flags }) {
    const store = await openImages(context)
    const now = Date.now()
    const images = await store.list({ filters: { reference: bases.map(([name]) => `localhost/${name}`) } })
    const rows = bases.map(([name, contents]) => ({
      name,
      contents,
      image: images.find((image) => image.RepoTags.some((tag) => tag === `localhost/${name}:latest`)),
    }))
    const shown = (image: ImageSummary | undefined, text: (image: ImageSummary) => string): string =>
      image === undefined ? '-' : text(image)
    printRows(
      context.out,
      rows,
      {
        Name: ['NAME', (row) => row.name],
        Image: ['IMAGE', (row) => `localhost/${row.name}`],
        ID: ['IMAGE ID', (row) => shown(row.image, ({ Id }) => shortId(Id))],
        CreatedSince: [
          'CREATED',
          (row) => shown(row.image, ({ Created }) => (Created > 0 ? humanAge(Created * 1000, now) : 'N/A')),
        ],
        Size: ['SIZE', (row) => shown(row.image, ({ Size }) => humanSize(Size))],
        Contents: ['CONTENTS', (row) => row.contents],
      },
      { format: flags.format, shown: ['Name', 'Image', 'ID', 'CreatedSince', 'Size', 'Contents'] },
    )
  },
})
