import type { Context } from './context.ts'
import { createClient, type Client } from '@gantry/client'
import { userOf } from '@gantry/linux/site'
import { accessSync, constants } from 'node:fs'
import { connect as connectSocket, type Socket } from 'node:net'
import { CliError } from './cli-error.ts'

const systemSocket = '/run/gantry/gantry.sock'

/**
 * A client of the daemon. Which socket: `--host`, `GANTRY_HOST`, the site's; without root and without a root of one's own,
 * the system's when this user may write to it. Starts the daemon when nothing listens, unless the socket was named.
 *
 * @throws CliError NOT_ROOT, DAEMON_UNREACHABLE or INVALID
 */
export async function connect(context: Context, { autostart }: { autostart: boolean }): Promise<Client> {
  const named = context.globals.host ?? context.env['GANTRY_HOST']
  if (named !== undefined && named !== '') {
    const socket = socketOf(named)
    const state = await knock(socket)
    if (typeof state !== 'string') return createClient({ socket, connection: state })
    throw unreachable(socket, state, context)
  }
  const { socket, mayStart } = await chooseSocket(context)
  const state = await knock(socket)
  if (typeof state !== 'string') return createClient({ socket, connection: state })
  if (state === 'EACCES') throw unreachable(socket, state, context)
  if (!mayStart) throw notRoot()
  if (!autostart) throw unreachable(socket, state, context)
  const { startDaemon } = await import('./start-daemon.ts')
  await startDaemon(await context.site())
  return createClient({ socket })
}

/** The error for what only root can do on this machine, with the very command to run. */
export function notRoot(): CliError {
  const line = ['gantry', ...process.argv.slice(2)].map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`,
  )
  return new CliError(
    'NOT_ROOT',
    'Cannot reach or start the daemon: this user is not root, and no daemon of this machine lets it in',
    {
      hint: `Run "sudo ${line.join(' ')}", or have root run "gantry daemon start" and add this user to the group of ${systemSocket}`,
    },
  )
}

async function chooseSocket(context: Context): Promise<{ socket: string; mayStart: boolean }> {
  const isRoot = userOf(process.env) === 0
  const site = await context.site()
  const ownRoot = context.globals.root ?? context.env['GANTRY_ROOT']
  if (isRoot || ownRoot !== undefined) return { socket: site.socket, mayStart: isRoot }
  try {
    accessSync(site.socket, constants.F_OK)
    return { socket: site.socket, mayStart: false }
  } catch {
    return { socket: systemSocket, mayStart: false }
  }
}

function socketOf(host: string): string {
  if (host.startsWith('unix://')) return host.slice('unix://'.length)
  if (host.startsWith('/')) return host
  throw new CliError('INVALID', `Cannot use "${host}" as the daemon's address: only unix:///PATH is supported`)
}

/** Connects; resolves with the connection, for the first request to use, or with the error code when nothing answers. */
function knock(socket: string): Promise<Socket | string> {
  return new Promise((resolve) => {
    const connection = connectSocket({ path: socket, allowHalfOpen: true })
    connection.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'UNKNOWN'))
    connection.once('connect', () => {
      connection.removeAllListeners('error')
      resolve(connection)
    })
  })
}

function unreachable(socket: string, state: string, context: Context): CliError {
  if (state === 'EACCES') {
    return new CliError('DAEMON_UNREACHABLE', `Cannot connect to the daemon at unix://${socket}: permission denied`, {
      hint: `Run the command with sudo, or add this user to the socket's group: "sudo usermod -aG $(stat -c %G ${socket}) ${context.env['USER'] ?? '$USER'}"`,
    })
  }
  const what =
    state === 'ENOENT' ? 'there is no such socket' : state === 'ECONNREFUSED' ? 'nothing listens there any more' : state
  return new CliError('DAEMON_UNREACHABLE', `Cannot connect to the daemon at unix://${socket}: ${what}`, {
    hint: 'Start it with "gantry daemon start"',
  })
}
