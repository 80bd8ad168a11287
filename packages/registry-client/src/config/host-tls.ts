import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { RegistryError } from '../registry-error.ts'
import type { Environment } from '../transport/proxy-for.ts'
import { configHome } from './read-registries.ts'
import type { HostConfig } from './registries-config.ts'

/** What a host needs beside the usual. Everything in PEM. */
export interface HostTls {
  readonly authorities: readonly string[]
  readonly pairs: readonly { readonly cert: string; readonly key: string }[]
  /** False: whoever vouches for the certificate. */
  readonly verify: boolean
}

/** Where Docker and Podman have certificates for single hosts: `<directory>/<host:port>/*.crt`, `*.cert` with `*.key`. */
export function certificateDirectories(environment: Environment): readonly string[] {
  return [
    '/etc/docker/certs.d',
    '/etc/containers/certs.d',
    join(configHome(environment), 'docker', 'certs.d'),
    join(configHome(environment), 'containers', 'certs.d'),
  ]
}

/**
 * Reads what there is for a host, as it stands in references, in the settings and in the directories of certificates.
 *
 * @throws {RegistryError} CONFIG_INVALID when a file cannot be read, or a certificate has no key
 */
export function readHostTls(
  host: string,
  config: HostConfig | undefined,
  directories: readonly string[],
): HostTls | undefined {
  const authorities = (config?.ca ?? []).map(readPem)
  const pairs = config?.cert === undefined || config.key === undefined ? [] : [pairOf(config.cert, config.key)]
  for (const directory of directories.map((each) => join(each, host))) {
    const names = namesIn(directory)
    authorities.push(...names.filter((name) => name.endsWith('.crt')).map((name) => readPem(join(directory, name))))
    for (const name of names.filter((each) => each.endsWith('.cert'))) {
      const key = name.replace(/\.cert$/, '.key')
      const problem = `Cannot use ${JSON.stringify(join(directory, name))}: there is no ${JSON.stringify(key)} beside it`
      if (!names.includes(key)) throw new RegistryError('CONFIG_INVALID', problem)
      pairs.push(pairOf(join(directory, name), join(directory, key)))
    }
  }
  const verify = config?.insecure !== 'unverified'
  return authorities.length === 0 && pairs.length === 0 && verify ? undefined : { authorities, pairs, verify }
}

function pairOf(cert: string, key: string): { cert: string; key: string } {
  return { cert: readPem(cert), key: readPem(key) }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).toSorted()
  } catch {
    // Most hosts have none, and some directories are only for others to read.
    return []
  }
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new RegistryError('CONFIG_INVALID', `Cannot read ${JSON.stringify(file)}: check its path and permissions`, {
      cause,
    })
  }
}
