import type { Command } from '../command.ts'
import { parseServerConfig, readConfigFile } from '@gantry/daemon/registry'
import { applyRetention, createRegistry, diskStorage, isImmutable, planRetention } from '@gantry/registry'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { boolean, text } from '../flags/flag.ts'
import { humanSize } from '../format/human-size.ts'
import { clockNotice } from '../registry/clock-notice.ts'
import { describeRetention } from '../registry/describe-retention.ts'
import { openRegistryWorld } from '../registry/open-registry-world.ts'

/** `gantry registry retention` */
export const registryRetention: Command = defineCommand({
  name: 'registry retention',
  summary: 'Remove the tags and manifests that the rules do not keep',
  usage: '--config FILE [OPTIONS]',
  details:
    'Index children, attestations and referrers of what is kept are kept. The bytes go with the next "registry gc".',
  arguments: [0, 0],
  flags: {
    config: text('Configuration of the registry, with the rules', { type: 'file' }),
    'dry-run': boolean('Remove nothing, only tell what would go and why'),
    json: boolean('Print JSON'),
  },
  async run({ context, flags }) {
    if (flags.config === undefined) {
      throw new CliError('INVALID', 'Cannot apply rules without any: name a configuration with --config')
    }
    const config = parseServerConfig(readConfigFile(flags.config))
    const { store, state } = await openRegistryWorld(context, 'apply the rules of retention')
    await using storage = diskStorage(store)
    await using registry = createRegistry({ storage, state })
    const isProtected = (repository: string, tag: string): boolean => isImmutable(config.limits, repository, tag)
    const plan = await planRetention({
      config: config.retention,
      state,
      storage,
      isProtected,
      now: () => store.now(),
    })
    const applied = flags['dry-run']
      ? undefined
      : await applyRetention({ answer: registry.answer, state, signal: context.signal }, plan)
    if (flags.json) {
      context.out.write(`${JSON.stringify({ plan, applied })}\n`)
      return
    }
    const ahead = store.clockAhead()
    if (ahead > 0) context.err.write(clockNotice(ahead))
    const { tags, manifests } = applied ?? plan
    const verb = applied === undefined ? 'Would remove' : 'Removed'
    context.out.write(describeRetention(plan))
    context.out.write(
      `${verb} ${tags} tags and ${manifests} manifests; ${humanSize(plan.bytes)} can be collected then\n`,
    )
  },
})
