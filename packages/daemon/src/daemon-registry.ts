import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Site } from '@gantry/linux'
import type { ContentWorld } from './content-world.ts'
import type { Log } from './daemon-log.ts'

/** The registry that a daemon serves. */
export interface DaemonRegistry {
  /** Where it listens; wins over the configuration. */
  readonly address?: string
  /** The file with its configuration. */
  readonly config?: string
}

/** The registry that is asked for by `GANTRY_REGISTRY_ADDR` and `GANTRY_REGISTRY_CONFIG`, or by `registry.json` in the root. */
export function daemonRegistryOf(
  env: Readonly<Record<string, string | undefined>>,
  site: Pick<Site, 'root'>,
): DaemonRegistry | undefined {
  const inRoot = join(site.root, 'registry.json')
  const address = env['GANTRY_REGISTRY_ADDR'] || undefined
  const config = env['GANTRY_REGISTRY_CONFIG'] || (existsSync(inRoot) ? inRoot : undefined)
  if (address === undefined && config === undefined) return undefined
  return { ...(address === undefined ? {} : { address }), ...(config === undefined ? {} : { config }) }
}

const longestGrace = 10_000

/** Serves it. Nothing of it is loaded by a daemon that serves none. @throws {ConfigError} */
export async function serveDaemonRegistry(
  { state, store, codec }: Pick<ContentWorld, 'state' | 'store' | 'codec'>,
  wanted: DaemonRegistry | undefined,
  log: Log,
): Promise<{ reload(): Promise<void>; close(): Promise<void> } | undefined> {
  if (wanted === undefined) return undefined
  const { readConfigFile, parseServerConfig, serveRootRegistry } = await import('./registry.ts')
  const read = (): ReturnType<typeof parseServerConfig> => {
    const document = wanted.config === undefined ? {} : readConfigFile(wanted.config)
    const isObject = typeof document === 'object' && document !== null && !Array.isArray(document)
    const config = parseServerConfig(
      isObject && wanted.address !== undefined ? { ...document, address: wanted.address } : document,
    )
    // Whoever stops a daemon does not wait for long.
    return { ...config, shutdown: { delay: 0, grace: Math.min(config.shutdown.grace, longestGrace) } }
  }
  const served = await serveRootRegistry({
    state,
    store,
    codec,
    config: read(),
    write: (lines) => process.stderr.write(lines),
  })
  log(`serves the registry on ${served.address}`)
  return { reload: async () => served.reload(read()), close: () => served.close() }
}
