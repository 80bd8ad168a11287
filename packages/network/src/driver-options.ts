import { parseAddress } from './ipv4.ts'
import { NetworkError } from './network-error.ts'
import type { Network, NetworkOptions } from './networks.ts'

type WithOptions = Pick<Network, 'driver' | 'options'>

const bridgeName = 'com.docker.network.bridge.name'
const mtu = 'com.docker.network.driver.mtu'
const masquerade = 'com.docker.network.bridge.enable_ip_masquerade'
const macvlanModes = ['bridge', 'private', 'vepa', 'passthru']
const ipvlanModes = ['l2', 'l3', 'l3s']

const hostBinding = 'com.docker.network.bridge.host_binding_ipv4'

/** Docker's options that would separate containers more than we do: leaving them out silently would open what somebody wants closed. */
const notSupported: readonly (readonly [key: string, isWanted: (value: string) => boolean])[] = [
  ['com.docker.network.bridge.enable_icc', (value) => value === 'false'],
  ['com.docker.network.bridge.gateway_mode_ipv4', (value) => value !== 'nat'],
  ['com.docker.network.bridge.gateway_mode_ipv6', (value) => value !== 'nat'],
  ['com.docker.network.bridge.inhibit_ipv4', (value) => value === 'true'],
  ['com.docker.network.bridge.trusted_host_interfaces', (value) => value !== ''],
]

/** Checks the options of a network that is to be. Options that nobody knows are kept and do nothing. @throws NetworkError OPTION_INVALID */
export function checkOptions(driver: Network['driver'], options: NetworkOptions): void {
  const given = options.options ?? {}
  const number = given[mtu] ?? given['mtu']
  if (number !== undefined && !(Number(number) >= 68 && Number(number) <= 65_535))
    throw invalid(mtu, number, 'it is a number from 68 to 65535')
  for (const [key, isWanted] of notSupported) {
    const value = given[key]
    if (value !== undefined && isWanted(value)) throw invalid(key, value, 'Gantry has no such networks')
  }
  const binding = given[hostBinding]
  if (binding !== undefined && parseAddress(binding) === undefined)
    throw invalid(hostBinding, binding, 'it is an IPv4 address of this host')
  if (driver === 'bridge') return
  if ((given['parent'] ?? '') === '')
    throw new NetworkError('OPTION_INVALID', `A network of the driver "${driver}" needs a link of this host`, {
      subject: 'parent',
      hint: 'give one with "-o parent=LINK"; "ip link" shows them',
    })
  if (!/^[\w.@-]{1,15}$/.test(given['parent'] ?? ''))
    throw invalid('parent', given['parent'] ?? '', 'it is the name of a link')
  if (options.subnet === undefined)
    throw new NetworkError('OPTION_INVALID', `A network of the driver "${driver}" needs the subnet of its parent`, {
      subject: 'subnet',
      hint: 'give it with --subnet, and with --ip-range the part of it that nobody else gives out',
    })
  const modes = driver === 'macvlan' ? macvlanModes : ipvlanModes
  const key = `${driver}_mode`
  const mode = given[key]
  if (mode !== undefined && !modes.includes(mode)) throw invalid(key, mode, `it is one of ${modes.join(', ')}`)
}

/** The name that a user wants a bridge to have. @throws NetworkError OPTION_INVALID */
export function bridgeNameOf(options: NetworkOptions, networks: readonly Network[]): string | undefined {
  const name = options.options?.[bridgeName]
  if (name === undefined || name === '') return undefined
  if (!/^[a-zA-Z0-9][\w.-]{0,12}$/.test(name))
    throw invalid(bridgeName, name, 'it has at most 13 letters, digits, dots and dashes')
  if (networks.some(({ bridge }) => bridge === name)) throw invalid(bridgeName, name, 'another network has it')
  return name
}

/** How large packets may be; undefined is the kernel's default. */
export function mtuOf({ options }: WithOptions): number | undefined {
  const text = options[mtu] ?? options['mtu']
  return text === undefined ? undefined : Number(text)
}

/** Whether packets that leave get the host's address. */
export function masquerades({ options }: WithOptions): boolean {
  return options[masquerade] !== 'false'
}

/** The address of the host that ports are published on where none is said; undefined is all. */
export function hostBindingOf({ options }: WithOptions): string | undefined {
  const address = options[hostBinding]
  return address === '0.0.0.0' ? undefined : address
}

/** The host's link and the mode of a network beside the host. */
export function parentOf({ driver, options }: WithOptions): { readonly parent: string; readonly mode: string } {
  const mode = options[`${driver}_mode`] ?? (driver === 'macvlan' ? 'bridge' : 'l2')
  return { parent: options['parent'] ?? '', mode }
}

function invalid(key: string, value: string, why: string): NetworkError {
  return new NetworkError('OPTION_INVALID', `Cannot use the option ${key}=${value}: ${why}`, { subject: key })
}
