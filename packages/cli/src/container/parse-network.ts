import type { EndpointSettings } from '@gantry/client'
import type { ContainerFlags } from './container-flags.ts'
import type { FlagValues } from '../flags/flag.ts'
import { CliError } from '../cli-error.ts'

type NetworkFlags = FlagValues<Pick<ContainerFlags, 'net' | 'network' | 'network-alias' | 'ip' | 'ip6'>>

/**
 * Reads `--network NAME` or `--network name=NAME,alias=A,ip=ADDRESS`, repeated for several networks; `--network-alias`, `--ip` and
 * `--ip6` belong to the first.
 *
 * @throws CliError INVALID
 */
export function networksOf(flags: NetworkFlags): {
  mode: string | undefined
  endpoints: Record<string, EndpointSettings> | undefined
} {
  const networks = [...flags.network, ...flags.net].map(parseNetwork)
  const mode = networks[0]?.name
  const [first = { name: 'default', settings: {} }, ...others] = networks
  const aliases = [...(first.settings.Aliases ?? []), ...flags['network-alias']]
  const ip = flags.ip ?? first.settings.IPAMConfig?.IPv4Address
  const ip6 = flags.ip6 ?? first.settings.IPAMConfig?.IPv6Address
  const addresses = {
    ...(ip === undefined ? {} : { IPv4Address: ip }),
    ...(ip6 === undefined ? {} : { IPv6Address: ip6 }),
  }
  const settings: EndpointSettings = {
    ...first.settings,
    ...(aliases.length === 0 ? {} : { Aliases: aliases }),
    ...(Object.keys(addresses).length === 0 ? {} : { IPAMConfig: addresses }),
  }
  const all = [{ name: first.name, settings }, ...others]
  if (all.length === 1 && Object.keys(settings).length === 0) return { mode, endpoints: undefined }
  return { mode, endpoints: Object.fromEntries(all.map((network) => [network.name, network.settings])) }
}

function parseNetwork(text: string): { name: string; settings: EndpointSettings } {
  if (!/(^|,)[a-z0-9-]+=/.test(text)) return { name: text, settings: {} }
  let name = ''
  const settings: EndpointSettings = {}
  for (const part of text.split(',')) {
    const [key = '', value = ''] = part.split('=', 2)
    if (key === 'name') name = value
    else if (key === 'alias') settings.Aliases = [...(settings.Aliases ?? []), value]
    else if (key === 'ip') settings.IPAMConfig = { ...settings.IPAMConfig, IPv4Address: value }
    else if (key === 'ip6') settings.IPAMConfig = { ...settings.IPAMConfig, IPv6Address: value }
    else if (key === 'mac-address') settings.MacAddress = value
    else if (key === 'gw-priority' && /^-?\d+$/.test(value)) settings.GwPriority = Number(value)
    else throw new CliError('INVALID', `Cannot use the network "${text}": unexpected key "${key}"`)
  }
  if (name === '') throw new CliError('INVALID', `Cannot use the network "${text}": it has no name=`)
  return { name, settings }
}
