import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Forward } from './forward-list.ts'

/** Passes connections on, each half until its end. The host's own firewall sees them as those of any service. */
export async function forwardTcp({ hostIp, hostPort, ip, port }: Forward): Promise<Disposable> {
  // The other side is connected before anything is read: back-pressure is the kernel's all the way.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    const target = connect({ host: ip, port, allowHalfOpen: true, noDelay: true })
    const end = (): void => {
      client.destroy()
      target.destroy()
    }
    client.on('error', end)
    target.on('error', () => {
      // A reset, as the container itself would answer.
      client.resetAndDestroy()
      target.destroy()
    })
    target.once('connect', () => {
      client.pipe(target)
      target.pipe(client)
    })
    client.once('close', () => target.destroy())
  })
  server.listen({ host: hostIp, port: hostPort, ipv6Only: hostIp.includes(':'), exclusive: true })
  await once(server, 'listening')
  // Connections that are there go on to their end.
  return { [Symbol.dispose]: () => void server.close() }
}
