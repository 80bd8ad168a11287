import type { Filters } from '@gantry/client'
import type { Command } from '../command.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { parseFilters } from '../filters.ts'
import { boolean, list } from '../flags/flag.ts'
import { humanSize } from '../format/human-size.ts'
import { confirm } from '../term/confirm.ts'

/** `gantry system prune` */
export const systemPrune: Command = defineCommand({
  name: 'system prune',
  summary: 'Remove unused data',
  usage: '[OPTIONS]',
  details: `Stopped containers, networks that no container has, images that nothing leads to and the build cache. Volumes only with --volumes, and
of them only those without a name. Filters: until=24h or a date, label=KEY[=VALUE], label!=KEY[=VALUE]; the build cache knows until alone,
and is left as it is where labels choose.`,
  arguments: [0, 0],
  flags: {
    all: boolean('Remove all unused images not just dangling ones', { short: 'a' }),
    filter: list('Provide filter values (e.g. "label=<key>=<value>")', { type: 'filter' }),
    force: boolean('Do not prompt for confirmation', { short: 'f' }),
    volumes: boolean('Prune anonymous volumes'),
  },
  async run({ context, flags }) {
    const filters = parseFilters(flags.filter)
    check(filters, flags.volumes)
    const { until, ...labels } = filters
    const usesBuildCache = Object.keys(labels).length === 0
    if (!flags.force && !(await confirm(context, warning(flags, filters, usesBuildCache), 'unused data'))) return 1
    const client = await context.daemon()
    const { containers, networks, volumes, images } = client
    let total = 0
    const tell = (title: string, names: readonly string[] | null, bytes = 0): void => {
      total += bytes
      if (names !== null && names.length > 0) context.out.write(`Deleted ${title}:\n${names.join('\n')}\n\n`)
    }
    const ended = await containers.prune({ filters })
    tell('Containers', ended.ContainersDeleted, ended.SpaceReclaimed)
    tell('Networks', (await networks.prune({ filters })).NetworksDeleted)
    if (flags.volumes) {
      const gone = await volumes.prune({ filters: labels })
      tell('Volumes', gone.VolumesDeleted, gone.SpaceReclaimed)
    }
    // Before the images: what a build keeps only for later ones keeps blobs of theirs.
    const cache = usesBuildCache
      ? await client.pruneBuildCache({ all: flags.all, ...(until === undefined ? {} : { filters: { until } }) })
      : undefined
    const removed = await images.prune({ filters: flags.all ? { ...filters, dangling: ['false'] } : filters })
    const lines = (removed.ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
      Deleted === undefined ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
    )
    tell('Images', lines, removed.SpaceReclaimed)
    if (cache !== undefined) tell('build cache objects', cache.CachesDeleted, cache.SpaceReclaimed)
    context.out.write(`Total reclaimed space: ${humanSize(total)}\n`)
    return 0
  },
})

/** Before anything is removed: a part that refuses a filter would leave the work half done. */
function check(filters: Filters, volumes: boolean): void {
  for (const name of Object.keys(filters)) {
    if (!['until', 'label', 'label!'].includes(name))
      throw new CliError('INVALID', `invalid filter '${name}'`, { hint: 'Known are until, label and label!' })
  }
  if (volumes && filters['until'] !== undefined)
    throw new CliError('INVALID', 'The "until" filter is not supported with "--volumes"')
}

function warning(
  { all, volumes }: { readonly all: boolean; readonly volumes: boolean },
  filters: Filters,
  buildCache: boolean,
): string {
  const lines = [
    'all stopped containers',
    'all networks not used by at least one container',
    ...(volumes ? ['all anonymous volumes not used by at least one container'] : []),
    all ? 'all images without at least one container associated to them' : 'all dangling images',
    ...(buildCache ? [all ? 'all build cache' : 'unused build cache'] : []),
  ]
  const chosen = Object.entries(filters).flatMap(([key, values]) => (values ?? []).map((value) => `${key}=${value}`))
  return [
    'WARNING! This will remove:',
    ...lines.map((line) => `  - ${line}`),
    ...(chosen.length === 0
      ? []
      : ['', '  Items to be pruned will be filtered with:', ...chosen.map((text) => `  - ${text}`)]),
    '',
  ].join('\n')
}
