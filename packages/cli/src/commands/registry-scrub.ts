import type { Command } from '../command.ts'
import { parseServerConfig, readConfigFile } from '@gantry/daemon/registry'
import { createProxy, diskStorage, peerSource, scrub } from '@gantry/registry'
import type { RepairSource } from '@gantry/registry'
import { defineCommand } from '../command.ts'
import { boolean, list, parsed, text } from '../flags/flag.ts'
import { humanSize, parseBytes } from '../format/human-size.ts'
import { openRegistryWorld } from '../registry/open-registry-world.ts'

/** `gantry registry scrub` */
export const registryScrub: Command = defineCommand({
  name: 'registry scrub',
  summary: 'Verify every blob, and fetch good copies of damaged ones',
  usage: '[OPTIONS]',
  details: `What is damaged and cannot be repaired is put aside in quarantine/, never deleted.
A run that was stopped is gone on with by the next. Exit code 1: something is damaged or missing and was not repaired.`,
  arguments: [0, 0],
  flags: {
    config: text('Configuration of the registry: its upstreams are asked for good copies', { type: 'file' }),
    peer: list('Registry with the same repositories that is asked for good copies', { type: 'host' }),
    'insecure-peers': boolean('Ask peers over plain HTTP'),
    'no-quarantine': boolean('Leave what is damaged where it is'),
    rate: parsed('Read so many bytes in a second at most', 'bytes', parseBytes),
    restart: boolean('Begin anew'),
    json: boolean('Print JSON'),
  },
  async run({ context, flags }) {
    const { store, state, codec } = await openRegistryWorld(context, 'verify the store')
    await using stack = new AsyncDisposableStack()
    const config = flags.config === undefined ? undefined : parseServerConfig(readConfigFile(flags.config))
    const proxy =
      config?.proxy === undefined
        ? undefined
        : stack.use(createProxy({ config: config.proxy, storage: stack.use(diskStorage(store)), state }))
    const peers = flags.peer.map((registry) => peerSource({ registry, insecure: flags['insecure-peers'] }))
    const repair: readonly RepairSource[] = [...(proxy === undefined ? [] : [proxy]), ...peers]
    const report = await scrub(
      { store, state, codec },
      {
        repair,
        quarantine: !flags['no-quarantine'],
        restart: flags.restart,
        signal: context.signal,
        ...(flags.rate === undefined ? {} : { rate: flags.rate }),
        ...(proxy === undefined ? {} : { isCache: proxy.isCache }),
      },
    )
    const { checked, bytes, damaged, missing } = report
    if (flags.json) context.out.write(`${JSON.stringify(report)}\n`)
    else {
      for (const { digest, problem, repositories, repaired } of damaged) {
        const where = repositories.length === 0 ? '' : ` (${repositories.join(', ')})`
        context.out.write(`${repaired ? 'repaired' : 'damaged '}  ${digest}${where}: ${problem}\n`)
      }
      for (const { digest, repository, repaired } of missing) {
        context.out.write(`${repaired ? 'fetched ' : 'missing '}  ${digest} (${repository})\n`)
      }
      context.out.write(
        `Verified ${checked} blobs, ${humanSize(bytes)}: ${damaged.length} damaged, ${missing.length} missing\n`,
      )
    }
    return [...damaged, ...missing].every(({ repaired }) => repaired) ? 0 : 1
  },
})
