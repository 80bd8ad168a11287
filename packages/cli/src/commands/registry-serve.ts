import type { Command } from '../command.ts'
import { parseServerConfig, readConfigFile, serveRootRegistry } from '@gantry/daemon/registry'
import type { RegistryServerConfig } from '@gantry/daemon/registry'
import { defineCommand } from '../command.ts'
import { boolean, choice, list, text } from '../flags/flag.ts'
import { openRegistryWorld } from '../registry/open-registry-world.ts'
import { withFlags } from '../registry/serve-flags.ts'

/** `gantry registry serve` */
export const registryServe: Command = defineCommand({
  name: 'registry serve',
  summary: 'Serve a registry over the local store',
  usage: '[OPTIONS]',
  details: `Pushing to it copies no byte that the store has already; what is pushed can be run at once.
Without --htpasswd or an access configuration anybody who reaches the address may push and pull.
SIGHUP reads the configuration again; SIGTERM and SIGINT let what is under way end.`,
  arguments: [0, 0],
  flags: {
    addr: text('Address to listen on (default "127.0.0.1:5000")', { type: 'host:port' }),
    config: text('Configuration file (JSON); flags win over it', { type: 'file' }),
    'tls-cert': text('Certificate with its chain (PEM), read again when it changes', { type: 'file' }),
    'tls-key': text('Key of the certificate (PEM)', { type: 'file' }),
    htpasswd: text('File of users with bcrypt hashes, read again when it changes', { type: 'file' }),
    'read-only': boolean('Refuse whatever would change something'),
    proxy: list('Cache a registry under a prefix, such as hub=https://registry-1.docker.io', { type: 'name=url' }),
    'metrics-addr': text('Serve metrics and health on an address of their own, too', { type: 'host:port' }),
    'log-format': choice('Format of the log (default: text on a terminal, else json)', ['json', 'text']),
    'log-level': choice('What is logged (default "info")', ['debug', 'info', 'warn', 'error', 'off']),
  },
  async run({ context, flags }) {
    const readConfig = (): RegistryServerConfig =>
      parseServerConfig(withFlags(flags.config === undefined ? {} : readConfigFile(flags.config), flags))
    const config = readConfig()
    let reloading: (() => void) | undefined
    process.on('SIGHUP', () => reloading?.())
    const world = await openRegistryWorld(context, 'serve a registry')
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
    for (const [name, number] of [
      ['SIGINT', 2],
      ['SIGTERM', 15],
    ] as const) {
      process.once(name, () => {
        process.once(name, () => process.exit(128 + number))
        stop()
      })
    }
    const format = config.log.format ?? (context.err.isTerminal ? 'text' : 'json')
    const served = await serveRootRegistry({
      state: world.state,
      store: world.store,
      codec: world.codec,
      config: { ...config, log: { ...config.log, format } },
      write: (lines) => context.err.write(lines),
    })
    // What cannot be read leaves everything as it is.
    reloading = () => {
      ;(async () => served.reload(readConfig()))().catch((error: unknown) =>
        context.err.write(`gantry: ${error instanceof Error ? error.message : String(error)}\n`),
      )
    }
    context.out.write(`Serving ${(await context.site()).root} as a registry on ${served.address}\n`)
    if (served.metricsAddress !== undefined) context.out.write(`Metrics are on ${served.metricsAddress}\n`)
    if (served.isOpen && !/\/\/(?:127\.|\[::1\])/.test(served.address)) {
      context.err.write('Warning: anybody who reaches this address may push and pull; see --htpasswd\n')
    }
    await stopped
    await served.close()
  },
})
