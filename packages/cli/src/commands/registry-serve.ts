import type { Command } from '../command.ts'
import { createRegistry, diskStorage, serveRegistry } from '@gantry/registry'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { openContent } from '../content.ts'
import { text } from '../flags/flag.ts'

/** `gantry registry serve` */
export const registryServe: Command = defineCommand({
  name: 'registry serve',
  summary: 'Serve a registry over the local store',
  usage: '[OPTIONS]',
  details:
    'Pushing to it copies no byte that the store has already; what is pushed can be run at once.\nAnybody who reaches the address may push and pull: keep it on 127.0.0.1 unless the network is trusted.',
  arguments: [0, 0],
  flags: { addr: text('Address to listen on', { type: 'host:port', initial: '127.0.0.1:5000' }) },
  async run({ context, flags }) {
    const { host, port } = parseAddress(flags.addr ?? '')
    const world = await openContent(context)
    if (world === undefined)
      throw new CliError(
        'NOT_ROOT',
        'Cannot serve a registry: the root belongs to the daemon, and this user may not write to it',
        { hint: 'Run it as root, or name a root of your own with --root' },
      )
    await using storage = diskStorage(world.store)
    const onError = (error: unknown): void =>
      context.err.write(`gantry: ${error instanceof Error ? error.message : String(error)}\n`)
    await using registry = createRegistry({ storage, state: world.state, onError })
    const server = await serveRegistry({ registry, host, port }).catch((cause: unknown) => {
      throw new CliError(
        'FAILED',
        `Cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause, hint: 'Name another address with --addr' },
      )
    })
    context.out.write(`Serving ${(await context.site()).root} as a registry on ${server.address}\n`)
    const { promise: stopped, resolve } = Promise.withResolvers<void>()
    if (context.signal.aborted) resolve()
    context.signal.addEventListener('abort', () => resolve(), { once: true })
    await stopped
    await server.close()
  },
})

function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:(\[[^\]]+\]|[^:]*):)?(\d{1,5})$/.exec(address)
  const port = Number(match?.[2])
  if (match === null || port > 65_535)
    throw new CliError('INVALID', `Cannot listen on "${address}": it is not HOST:PORT`)
  return { host: (match[1] ?? '').replace(/^\[|\]$/g, '') || '127.0.0.1', port }
}
