import type { Command } from '../command.ts'
import type { ContentDiskUsage, ImageSummary, SystemDiskUsage } from '@gantry/client'
import type { Context } from '../context.ts'
import { defineCommand } from '../command.ts'
import { openContent, openImages } from '../content.ts'
import { boolean } from '../flags/flag.ts'
import { listFormat, templateDetails } from '../format/format-flag.ts'
import { humanAge } from '../format/human-duration.ts'
import { humanSize } from '../format/human-size.ts'
import { printRows } from '../format/print-rows.ts'
import { shortId } from '../format/short-id.ts'
import { tabulate } from '../format/tabulate.ts'

interface Row {
  readonly type: string
  readonly total: number
  readonly active: number
  readonly size: number
  readonly reclaimable: number
}

type Rest = Omit<SystemDiskUsage, 'Content'>

/** `gantry system df` */
export const systemDf: Command = defineCommand({
  name: 'system df',
  aliases: ['df'],
  summary: 'Show disk usage',
  usage: '[OPTIONS]',
  details: `An image takes its blobs as they came and, once it was used here, its layers as they are unpacked: sizes are of both, and what several
images share counts once in the sums. "Other content" belongs to no image: repositories of the registry, artifacts, layers of earlier
builds; what nothing leads to can be reclaimed. What is stored twice, as a blob and unpacked, is told with --verbose; "gantry image prune
--unpacked" keeps the blobs alone. The build cache is told apart once more (see "gantry builder du"). Containers and volumes are told where the daemon runs.
${templateDetails}`,
  arguments: [0, 0],
  flags: {
    format: listFormat(),
    verbose: boolean('Show detailed information on space usage', { short: 'v' }),
  },
  async run({ context, flags }) {
    const { content, rest } = await read(context)
    if (flags.verbose) return printAll(context, content, rest)
    const rows = [imagesRow(content), ...containerRows(rest), otherRow(content), ...(await buildCacheRow(context))]
    printRows(
      context.out,
      rows,
      {
        Type: ['TYPE', (row) => row.type],
        TotalCount: ['TOTAL', (row) => String(row.total)],
        Active: ['ACTIVE', (row) => String(row.active)],
        Size: ['SIZE', (row) => humanSize(row.size)],
        Reclaimable: ['RECLAIMABLE', reclaimable],
      },
      { format: flags.format, shown: ['Type', 'TotalCount', 'Active', 'Size', 'Reclaimable'] },
    )
  },
})

async function read(context: Context): Promise<{ content: ContentDiskUsage; rest: Rest | undefined }> {
  const client = await context.daemon({ autostart: false }).catch(() => undefined)
  if (client === undefined) return { content: await (await openImages(context)).diskUsage(), rest: undefined }
  const { Content: content, ...rest } = await client.diskUsage()
  return { content, rest }
}

function reclaimable({ size, reclaimable: bytes }: Row): string {
  const share = size === 0 ? '' : ` (${Math.floor((100 * bytes) / size)}%)`
  return `${humanSize(bytes)}${share}`
}

function imagesRow({ Images, LayersSize, Reclaimable }: ContentDiskUsage): Row {
  const active = Images.filter(({ Containers }) => Containers > 0).length
  return { type: 'Images', total: Images.length, active, size: LayersSize, reclaimable: Reclaimable }
}

function otherRow({ Other }: ContentDiskUsage): Row {
  return { type: 'Other content', total: Other.Count, active: 0, size: Other.Size, reclaimable: Other.Reclaimable }
}

/** Part of the other content, but for cache mounts; told where the root is open to this process. */
async function buildCacheRow(context: Context): Promise<readonly Row[]> {
  const world = await openContent(context)
  if (world === undefined) return []
  const { listCache } = await import('@gantry/builder')
  const entries = await listCache(world.builderPorts)
  const bytes = (chosen: typeof entries): number => chosen.reduce((total, { size }) => total + size, 0)
  const own = entries.filter(({ shared }) => !shared)
  const active = entries.length - own.length
  return [{ type: 'Build Cache', total: entries.length, active, size: bytes(entries), reclaimable: bytes(own) }]
}

function containerRows(rest: Rest | undefined): readonly Row[] {
  if (rest === undefined) return []
  const { Containers, Volumes } = rest
  const sum = (sizes: readonly (number | undefined)[]): number =>
    sizes.reduce<number>((total, size) => total + (size ?? 0), 0)
  const running = Containers.filter(({ State }) => State === 'running' || State === 'paused')
  const unused = Volumes.filter(({ UsageData }) => UsageData?.RefCount === 0)
  return [
    {
      type: 'Containers',
      total: Containers.length,
      active: running.length,
      size: sum(Containers.map(({ SizeRw }) => SizeRw)),
      reclaimable: sum(Containers.filter((each) => !running.includes(each)).map(({ SizeRw }) => SizeRw)),
    },
    {
      type: 'Local Volumes',
      total: Volumes.length,
      active: Volumes.length - unused.length,
      size: sum(Volumes.map(({ UsageData }) => UsageData?.Size)),
      reclaimable: sum(unused.map(({ UsageData }) => UsageData?.Size)),
    },
  ]
}

function printAll({ out }: Context, content: ContentDiskUsage, rest: Rest | undefined): void {
  const now = Date.now()
  const images = content.Images.flatMap((image) => namesOf(image).map((name) => imageRow(image, name, now)))
  out.write('Images space usage:\n\n')
  out.write(
    tabulate([
      ['REPOSITORY', 'TAG', 'IMAGE ID', 'CREATED', 'SIZE', 'SHARED SIZE', 'UNIQUE SIZE', 'CONTAINERS'],
      ...images,
    ]),
  )
  const { Blobs, UnpackedLayers, StoredTwice, Other } = content
  out.write(`\n${humanSize(content.LayersSize)} in all, what is shared counted once\n`)
  out.write('\nContent space usage:\n\n')
  out.write(
    tabulate([
      ['CONTENT', 'COUNT', 'SIZE', 'RECLAIMABLE'],
      ['Blobs', String(Blobs.Count), humanSize(Blobs.Size), ''],
      ['Unpacked layers', String(UnpackedLayers.Count), humanSize(UnpackedLayers.Size), ''],
      [
        'of them blob and unpacked',
        String(StoredTwice.Count),
        humanSize(StoredTwice.Size),
        humanSize(StoredTwice.Reclaimable),
      ],
      ['of them of no image', String(Other.Count), humanSize(Other.Size), humanSize(Other.Reclaimable)],
    ]),
  )
  if (rest === undefined) return
  out.write('\nContainers space usage:\n\n')
  const containers = rest.Containers.map(({ Id, Image, SizeRw, Created, Status, Names }) => [
    Id.slice(0, 12),
    Image,
    humanSize(SizeRw ?? 0),
    humanAge(Created * 1000, now),
    Status,
    Names.map((name) => name.slice(1)).join(','),
  ])
  out.write(tabulate([['CONTAINER ID', 'IMAGE', 'SIZE', 'CREATED', 'STATUS', 'NAMES'], ...containers]))
  out.write('\nLocal Volumes space usage:\n\n')
  const volumes = rest.Volumes.map(({ Name, UsageData }) => [
    Name,
    String(UsageData?.RefCount ?? 0),
    humanSize(UsageData?.Size ?? 0),
  ])
  out.write(tabulate([['VOLUME NAME', 'LINKS', 'SIZE'], ...volumes]))
}

function namesOf({ RepoTags }: ImageSummary): readonly (readonly [string, string])[] {
  if (RepoTags.length === 0) return [['<none>', '<none>']]
  return RepoTags.map((name) => {
    const at = name.lastIndexOf(':')
    return [name.slice(0, at), name.slice(at + 1)] as const
  })
}

function imageRow(image: ImageSummary, [repository, tag]: readonly [string, string], now: number): string[] {
  const { Id, Created, Size, SharedSize, Containers } = image
  return [
    repository,
    tag,
    shortId(Id),
    Created > 0 ? humanAge(Created * 1000, now) : 'N/A',
    humanSize(Size),
    humanSize(SharedSize),
    humanSize(Size - SharedSize),
    String(Containers),
  ]
}
