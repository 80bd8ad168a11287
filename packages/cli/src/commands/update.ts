import type { ContainerEditBody } from '@gantry/client'
import type { Command } from '../command.ts'
import type { FlagValues } from '../flags/flag.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { containerFlags } from '../container/container-flags.ts'
import { healthOf } from '../container/health-of.ts'
import { ulimitOf } from '../container/ulimit-of.ts'
import { parseMount } from '../container/parse-mount.ts'
import { parsePort } from '../container/parse-port.ts'
import { absoluteBind, restartPolicyOf } from '../container/to-create-body.ts'
import { each } from '../each.ts'
import { boolean, list, text } from '../flags/flag.ts'

const flags = {
  'cpu-period': containerFlags['cpu-period'],
  'cpu-quota': containerFlags['cpu-quota'],
  'cpu-shares': containerFlags['cpu-shares'],
  cpus: containerFlags.cpus,
  'cpuset-cpus': containerFlags['cpuset-cpus'],
  'cpuset-mems': containerFlags['cpuset-mems'],
  env: list('Set an environment variable (NAME=VALUE)', { short: 'e' }),
  'env-rm': list('Take an environment variable away'),
  'health-cmd': containerFlags['health-cmd'],
  'health-interval': containerFlags['health-interval'],
  'health-on-failure': containerFlags['health-on-failure'],
  'health-retries': containerFlags['health-retries'],
  'health-start-interval': containerFlags['health-start-interval'],
  'health-start-period': containerFlags['health-start-period'],
  'health-timeout': containerFlags['health-timeout'],
  label: list('Set meta data (NAME=VALUE)', { short: 'l' }),
  'label-rm': list('Take meta data away'),
  memory: containerFlags.memory,
  'memory-reservation': containerFlags['memory-reservation'],
  'memory-swap': containerFlags['memory-swap'],
  mount: containerFlags.mount,
  'mount-rm': list('Take the mount at this path away; its data stays'),
  'no-healthcheck': containerFlags['no-healthcheck'],
  'pids-limit': containerFlags['pids-limit'],
  publish: containerFlags.publish,
  'publish-rm': list("Stop publishing a container's port (80, 53/udp)"),
  restart: text('Restart policy to apply when a container exits'),
  'restart-now': boolean('Restart running containers where a change needs it'),
  ulimit: containerFlags.ulimit,
  volume: containerFlags.volume,
}

/** `gantry update` */
export const update: Command = defineCommand({
  name: 'update',
  aliases: ['container update'],
  summary: 'Change limits, ports, mounts, variables and labels of containers',
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  details: `The container keeps its id, its name and its volumes. Limits, labels, the health check and the restart policy change at once. Ports,
mounts, ulimits and variables change at its next start, which --restart-now makes at once; the command says which.`,
  arguments: [1],
  flags,
  async run({ context, flags: given, args }) {
    const body = bodyOf(given)
    if (Object.keys(body).length === 0)
      throw new CliError('ARGUMENTS', 'Cannot update: no change is given', { hint: 'See "gantry update --help"' })
    const { containers, gantry } = await context.daemon()
    return each(context, args, async (name) => {
      const { AtStart, Running } = await gantry.edit(name, body)
      const waits = AtStart.length > 0 && Running
      if (waits && given['restart-now']) await containers.restart(name)
      else if (waits)
        context.err.write(
          `${name}: ${AtStart.join(', ')} will change when it is started again ("gantry restart ${name}", or --restart-now)\n`,
        )
      return name
    })
  },
})

function bodyOf(given: FlagValues<typeof flags>): ContainerEditBody {
  const bindings: NonNullable<ContainerEditBody['PortBindings']> = {}
  for (const { port, binding } of given.publish.flatMap(parsePort))
    bindings[port] = [...(bindings[port] ?? []), binding]
  const binds = given.volume.map(absoluteBind)
  const policy = given.restart === undefined ? undefined : (restartPolicyOf(given.restart) ?? { Name: 'no' as const })
  const body: { [K in keyof ContainerEditBody]: ContainerEditBody[K] | undefined } = {
    CpuPeriod: given['cpu-period'],
    CpuQuota: given['cpu-quota'],
    CpuShares: given['cpu-shares'],
    CpusetCpus: given['cpuset-cpus'],
    CpusetMems: given['cpuset-mems'],
    NanoCpus: given.cpus === undefined ? undefined : Math.round(given.cpus * 1e9),
    Memory: given.memory,
    MemoryReservation: given['memory-reservation'],
    MemorySwap: given['memory-swap'],
    PidsLimit: given['pids-limit'],
    RestartPolicy: policy,
    Healthcheck: healthOf(given),
    Ulimits: given.ulimit.length === 0 ? undefined : given.ulimit.map(ulimitOf),
    Env: changes(given.env, given['env-rm'], '--env'),
    Labels: changes(given.label, given['label-rm'], '--label'),
    PortBindings: Object.keys(bindings).length === 0 ? undefined : bindings,
    Unpublish: given['publish-rm'].length === 0 ? undefined : [...given['publish-rm']],
    Binds: binds.length === 0 ? undefined : binds,
    Mounts: given.mount.length === 0 ? undefined : given.mount.map(parseMount),
    Unmount: given['mount-rm'].length === 0 ? undefined : [...given['mount-rm']],
  }
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as ContainerEditBody
}

function changes(
  set: readonly string[],
  removed: readonly string[],
  flag: string,
): Record<string, string | null> | undefined {
  if (set.length + removed.length === 0) return undefined
  const pairs = set.map((each): [string, string | null] => {
    const at = each.indexOf('=')
    if (at < 1) throw new CliError('INVALID', `Cannot use "${flag} ${each}": it is not NAME=VALUE`)
    return [each.slice(0, at), each.slice(at + 1)]
  })
  return Object.fromEntries([...removed.map((name): [string, null] => [name, null]), ...pairs])
}
