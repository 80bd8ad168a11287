import type { ImageSummary } from '@gantry/client'
import type { Command } from '../command.ts'
import type { Columns } from '../format/print-rows.ts'
import { defineCommand } from '../command.ts'
import { openImageList } from '../content.ts'
import { parseFilters } from '../filters.ts'
import { boolean, list } from '../flags/flag.ts'
import { listFormat, templateDetails } from '../format/format-flag.ts'
import { humanAge } from '../format/human-duration.ts'
import { humanSize } from '../format/human-size.ts'
import { printRows } from '../format/print-rows.ts'
import { shortId } from '../format/short-id.ts'

/** An image under one of its names. */
interface Row {
  readonly image: ImageSummary
  readonly repository: string
  readonly tag: string
  readonly digest: string
}

/** `gantry images` */
export const images: Command = defineCommand({
  name: 'images',
  aliases: ['image ls', 'image list'],
  summary: 'List images',
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  details: templateDetails,
  arguments: [0, 1],
  flags: {
    all: boolean('Show all images (default hides intermediate images)', { short: 'a' }),
    digests: boolean('Show digests'),
    filter: list('Filter output based on conditions provided', { short: 'f', type: 'filter' }),
    format: listFormat(),
    'no-trunc': boolean("Don't truncate output"),
    quiet: boolean('Only show image IDs', { short: 'q' }),
  },
  async run({ context, flags, args: [reference] }) {
    const filters = { ...parseFilters(flags.filter) }
    if (reference !== undefined) filters['reference'] = [...(filters['reference'] ?? []), reference]
    const store = await openImageList(context)
    const rows = (await store.list({ all: flags.all, digests: flags.digests, filters })).flatMap((image) =>
      rowsOf(image, flags.digests),
    )
    const idOf = ({ image }: Row): string => (flags['no-trunc'] ? image.Id : shortId(image.Id))
    if (flags.quiet && flags.format === undefined) {
      context.out.write(rows.map((row) => `${idOf(row)}\n`).join(''))
      return
    }
    const now = Date.now()
    const columns: Columns<Row> = {
      Repository: ['REPOSITORY', (row) => row.repository],
      Tag: ['TAG', (row) => row.tag],
      Digest: ['DIGEST', (row) => row.digest],
      ID: ['IMAGE ID', idOf],
      CreatedSince: ['CREATED', (row) => (row.image.Created > 0 ? humanAge(row.image.Created * 1000, now) : 'N/A')],
      CreatedAt: [
        'CREATED AT',
        (row) => new Date(row.image.Created * 1000).toISOString().replace('T', ' ').replace('.000Z', ' +0000 UTC'),
      ],
      Size: ['SIZE', (row) => humanSize(row.image.Size)],
      Containers: ['CONTAINERS', (row) => (row.image.Containers < 0 ? 'N/A' : String(row.image.Containers))],
      SharedSize: ['SHARED SIZE', (row) => (row.image.SharedSize < 0 ? 'N/A' : humanSize(row.image.SharedSize))],
      VirtualSize: ['VIRTUAL SIZE', (row) => humanSize(row.image.Size)],
    }
    printRows(context.out, rows, columns, {
      format: flags.format,
      shown: ['Repository', 'Tag', ...(flags.digests ? ['Digest'] : []), 'ID', 'CreatedSince', 'Size'],
    })
  },
})

/** A row per tag; an image without one has a row for its digest or for nothing at all. */
function rowsOf(image: ImageSummary, digests: boolean): Row[] {
  const digestOf = new Map(
    image.RepoDigests.map((name) => [name.slice(0, name.indexOf('@')), name.slice(name.indexOf('@') + 1)]),
  )
  const tagged = image.RepoTags.filter((name) => name !== '<none>:<none>').map((name) => {
    const at = name.lastIndexOf(':')
    const repository = name.slice(0, at)
    return { image, repository, tag: name.slice(at + 1), digest: digestOf.get(repository) ?? '<none>' }
  })
  if (tagged.length > 0) return tagged
  const [first] = [...digestOf].filter(([repository]) => repository !== '<none>')
  return [
    { image, repository: first?.[0] ?? '<none>', tag: '<none>', digest: digests ? (first?.[1] ?? '<none>') : '<none>' },
  ]
}
