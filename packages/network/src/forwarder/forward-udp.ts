import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Forward } from './forward-list.ts'

/** How long a sender that is silent keeps its way back, in milliseconds; conntrack's time for one that was answered. */
const idle = 120_000
const mostSenders = 4096

/** Passes datagrams on: each sender has a socket of its own towards the container, so that answers find their way back. */
export async function forwardUdp({ hostIp, hostPort, ip, port }: Forward): Promise<Disposable> {
  const kind = (address: string): 'udp4' | 'udp6' => (address.includes(':') ? 'udp6' : 'udp4')
  const host = createSocket({ type: kind(hostIp), ipv6Only: hostIp.includes(':') })
  const senders = new Map<string, { readonly socket: Socket; readonly timer: NodeJS.Timeout }>()
  const forget = (key: string): void => {
    const sender = senders.get(key)
    senders.delete(key)
    clearTimeout(sender?.timer)
    sender?.socket.close()
  }
  const towards = (key: string, from: { address: string; port: number }): Socket => {
    const known = senders.get(key)
    if (known !== undefined) {
      known.timer.refresh()
      return known.socket
    }
    const oldest = senders.size >= mostSenders ? senders.keys().next().value : undefined
    if (oldest !== undefined) forget(oldest)
    const socket = createSocket(kind(ip))
    const timer = setTimeout(() => forget(key), idle)
    senders.set(key, { socket, timer })
    // Nobody listens in the container, perhaps not yet: UDP does not tell.
    socket.on('error', () => undefined)
    socket.on('message', (answer) => {
      timer.refresh()
      host.send(answer, from.port, from.address, () => undefined)
    })
    return socket
  }
  host.on('message', (message, from) => {
    towards(`${from.address} ${String(from.port)}`, from).send(message, port, ip, () => undefined)
  })
  host.bind({ address: hostIp, port: hostPort, exclusive: true })
  await once(host, 'listening')
  host.on('error', () => undefined)
  return {
    [Symbol.dispose]: () => {
      host.close()
      for (const key of senders.keys()) forget(key)
    },
  }
}
