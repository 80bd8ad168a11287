import { ApiError, type Client } from '@gantry/client'
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../cli-error.ts'
import { connect } from '../connect.ts'
import type { Context } from '../context.ts'

const between = 200

/**
 * Does work with the daemon, and does it again with the next one whenever this one goes away: it was ended, killed or upgraded. Waits
 * for the next as long as nobody stops it. A daemon that is not there at the beginning is started, a later one is not: somebody may
 * have ended it on purpose.
 *
 * @throws what the work throws for other reasons
 */
export async function reconnecting(context: Context, work: (client: Client) => Promise<void>): Promise<void> {
  let client = await context.daemon()
  for (;;) {
    try {
      await work(client)
      return
    } catch (error) {
      if (!isLost(error) || context.signal.aborted) throw error
    }
    client = await nextDaemon(context)
  }
}

async function nextDaemon(context: Context): Promise<Client> {
  let told = false
  for (;;) {
    try {
      const client = await connect(context, { autostart: false })
      context.defer(() => client.close())
      return client
    } catch (error) {
      if (!(error instanceof CliError && error.code === 'DAEMON_UNREACHABLE')) throw error
    }
    if (!told) context.err.write('gantry: the daemon is away; this goes on when it is back\n')
    told = true
    await sleep(between, undefined, { signal: context.signal })
  }
}

function isLost(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 'CONNECTION_LOST' || error.code === 'CONNECT_FAILED')
}
