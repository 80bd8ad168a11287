import { mkdirSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { DaemonError } from './daemon-error.ts'
import { protectSocket } from './socket-group.ts'

// The longest path that fits into sockaddr_un.
const longestPath = 107

/** A listening socket of the daemon. */
export interface Listening {
  /** Takes no more connections, ends those there are, and removes the socket. */
  close(): Promise<void>
}

/**
 * Listens on a Unix socket. The caller holds the daemon's lock, so a socket that is there belongs to a daemon that has died.
 *
 * @throws DaemonError SOCKET_UNUSABLE
 */
export async function listen(path: string, serve: (socket: Socket) => Promise<void>): Promise<Listening> {
  if (Buffer.byteLength(path) > longestPath) {
    throw new DaemonError(
      'SOCKET_UNUSABLE',
      `Cannot listen on "${path}": its name is longer than ${String(longestPath)} bytes`,
      {
        hint: 'choose a shorter run directory with GANTRY_RUN',
      },
    )
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  rmSync(path, { force: true })
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    // A client that goes away is no news; whoever writes to it learns so.
    socket.on('error', () => {})
    serve(socket).catch(() => socket.destroy())
  })
  await bind(server, path)
  protectSocket(path)
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}

function bind(server: Server, path: string): Promise<void> {
  // Nobody else gets in between binding and protecting the socket.
  const mask = process.umask(0o177)
  return new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) =>
      reject(new DaemonError('SOCKET_UNUSABLE', `Cannot listen on "${path}": ${cause.message}`, { cause })),
    )
    server.listen(path, resolve)
  }).finally(() => process.umask(mask))
}
