import type { Client, StatsSample } from '@gantry/client'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { defineCommand } from '../command.ts'
import { boolean } from '../flags/flag.ts'
import { listFormat, templateDetails } from '../format/format-flag.ts'
import { printRows, type Columns } from '../format/print-rows.ts'
import { ellipsis, shortId } from '../format/short-id.ts'
import { usageOf, usageTexts, type ContainerUsage } from '../stats/container-usage.ts'
import { LiveTable } from '../stats/live-table.ts'

/** `gantry stats` */
export const stats: Command = defineCommand({
  name: 'stats',
  aliases: ['container stats'],
  summary: 'Display a live stream of container(s) resource usage statistics',
  usage: '[OPTIONS] [CONTAINER...]',
  details: `Without a name, of all containers that run, with those that are started meanwhile. The share of the processors is of one: two that are
busy are 200%. Memory is without page cache that nobody uses.
${templateDetails}`,
  arguments: [0],
  flags: {
    all: boolean('Show all containers (default shows just running)', { short: 'a' }),
    format: listFormat(),
    'no-stream': boolean('Disable streaming stats and only pull the first result'),
    'no-trunc': boolean('Do not truncate output'),
  },
  async run({ context, flags, args }) {
    const client = await context.daemon()
    for (const name of args) await client.containers.inspect(name)
    const choose = async (): Promise<readonly string[]> =>
      args.length > 0 ? args : (await client.containers.list({ all: flags.all })).map(({ Id }) => Id)
    const columns = columnsOf(flags['no-trunc'])
    const print = (rows: readonly ContainerUsage[], out: Context['out']): void => {
      printRows(out, rows, columns, { format: flags.format, shown })
    }
    if (flags['no-stream']) {
      const found = await Promise.all((await choose()).map((name) => once(client, name)))
      print(
        found.filter((each) => each !== undefined),
        context.out,
      )
      return 0
    }
    const table = new LiveTable(context.out, { clears: context.out.isTerminal })
    const latest = new Map<string, ContainerUsage>()
    const following = new Map<string, Promise<void>>()
    const { signal } = context
    while (!signal.aborted) {
      const names = await choose()
      for (const name of latest.keys()) if (!names.includes(name) && !following.has(name)) latest.delete(name)
      for (const name of names) {
        if (!following.has(name))
          following.set(
            name,
            follow(client, name, { latest, signal }).finally(() => following.delete(name)),
          )
      }
      await pause(latest.size === 0 && names.length > 0 ? 100 : 1000, signal)
      if (!signal.aborted) {
        const rows = names.flatMap((name) => latest.get(name) ?? [])
        table.draw((out) => {
          print(rows, out)
        })
      }
    }
    return 0
  },
})

const shown = ['Container', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs']

function columnsOf(whole: boolean): Columns<ContainerUsage> {
  const id = (row: ContainerUsage): string => (whole ? row.id : shortId(row.id))
  return {
    BlockIO: ['BLOCK I/O', (row) => usageTexts(row).blockIo],
    CPUPerc: ['CPU %', (row) => usageTexts(row).cpu],
    Container: ['CONTAINER ID', id],
    ID: ['CONTAINER ID', id],
    MemPerc: ['MEM %', (row) => usageTexts(row).memoryShare],
    MemUsage: ['MEM USAGE / LIMIT', (row) => usageTexts(row).memory],
    Name: ['NAME', (row) => (whole ? row.name : ellipsis(row.name, 40))],
    NetIO: ['NET I/O', (row) => usageTexts(row).network],
    PIDs: ['PIDS', (row) => usageTexts(row).pids],
  }
}

async function once(client: Client, name: string): Promise<ContainerUsage | undefined> {
  let last: StatsSample | undefined
  try {
    for await (const sample of client.containers.stats(name, { stream: false })) last = sample
  } catch {
    // It was removed meanwhile.
    return undefined
  }
  return last === undefined ? undefined : usageOf(last)
}

async function follow(
  client: Client,
  name: string,
  { latest, signal }: { latest: Map<string, ContainerUsage>; signal: AbortSignal },
): Promise<void> {
  try {
    for await (const sample of client.containers.stats(name, { signal })) latest.set(name, usageOf(sample))
  } catch {
    // It ended or was removed: the list says whether it is shown.
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}
