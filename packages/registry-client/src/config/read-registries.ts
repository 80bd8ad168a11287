import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { RegistryError } from '../registry-error.ts'
import type { Environment } from '../transport/proxy-for.ts'
import { parseRegistriesConfig } from './registries-config.ts'
import type { HostConfig, MirrorConfig, RegistriesConfig } from './registries-config.ts'

/**
 * The files that say how registries are reached, the strongest first: `$GANTRY_REGISTRIES` alone where it is set, else
 * `$XDG_CONFIG_HOME/gantry/registries.json` (`~/.config/...`) before `/etc/gantry/registries.json`.
 */
export function registriesFiles(environment: Environment): readonly string[] {
  const own = environment['GANTRY_REGISTRIES']
  if (own !== undefined && own !== '') return [own]
  return [join(configHome(environment), 'gantry', 'registries.json'), '/etc/gantry/registries.json']
}

/** Where a user's settings are. */
export function configHome(environment: Environment): string {
  return environment['XDG_CONFIG_HOME'] || join(environment['HOME'] || homedir(), '.config')
}

/**
 * Reads them. What a stronger file says of a host, or of a registry's mirrors, replaces what the others say of it; files named in
 * them are looked for beside them. Those that are not there say nothing.
 *
 * @throws {RegistryError} CONFIG_INVALID
 */
export function readRegistries(environment: Environment): RegistriesConfig {
  const hosts = new Map<string, HostConfig>()
  const mirrors = new Map<string, readonly MirrorConfig[]>()
  for (const file of registriesFiles(environment).toReversed()) {
    if (!existsSync(file)) continue
    const config = parseRegistriesConfig(readText(file), file)
    for (const [host, value] of config.hosts) hosts.set(host, besideFile(value, file))
    for (const [registry, value] of config.mirrors) mirrors.set(registry, value)
  }
  return { hosts, mirrors }
}

function besideFile({ ca, cert, key, ...rest }: HostConfig, file: string): HostConfig {
  const at = (path: string): string => resolve(dirname(file), path)
  return {
    ...rest,
    ...(ca === undefined ? {} : { ca: ca.map(at) }),
    ...(cert === undefined || key === undefined ? {} : { cert: at(cert), key: at(key) }),
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new RegistryError('CONFIG_INVALID', `Cannot read ${JSON.stringify(file)}: check its permissions`, { cause })
  }
}
