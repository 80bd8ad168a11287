import type { Client } from '@gantry/client'
import type { Site } from '@gantry/linux'
import type { Context, Globals } from './context.ts'
import { CliError } from './cli-error.ts'
import { fileOutput } from './output.ts'

/** Makes the context of one command. Disposing runs what the command deferred and closes its client. */
export function createContext(globals: Globals): Context & AsyncDisposable {
  const cleanups: (() => void | Promise<void>)[] = []
  let site: Promise<Site> | undefined
  let client: Promise<Client> | undefined
  let signal: AbortSignal | undefined
  const context: Context & AsyncDisposable = {
    env: process.env,
    globals,
    out: fileOutput(1),
    err: fileOutput(2),
    site: () => (site ??= import('./find-site.ts').then(({ findSite }) => findSite(globals, process.env))),
    daemon: ({ autostart = true } = {}) => {
      client ??= import('./connect.ts').then(async ({ connect }) => {
        const connected = await connect(context, { autostart })
        cleanups.push(() => connected.close())
        return connected
      })
      return client
    },
    defer: (cleanup) => {
      cleanups.push(cleanup)
    },
    get signal() {
      return (signal ??= abortedByUser())
    },
    [Symbol.asyncDispose]: async () => {
      for (const cleanup of cleanups.toReversed()) await cleanup()
    },
  }
  return context
}

/** The first signal asks the command to stop and clean up; the second one does not wait for it. */
function abortedByUser(): AbortSignal {
  const controller = new AbortController()
  for (const [name, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(128 + number)
      controller.abort(new CliError('ABORTED', `stopped by ${name}`))
    })
  }
  return controller.signal
}
