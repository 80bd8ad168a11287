import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, isIP, type Server, type Socket } from 'node:net'
import { captiveAddress, openCaptiveNetwork, originalDestination } from '@gantry/linux'
import { NetworkError } from '../network-error.ts'
import { dnsCode, encodeDnsAnswer, parseDnsQuestion, typeA } from './dns-message.ts'
import { EgressNames } from './egress-names.ts'
import { serveProxied } from './serve-proxied.ts'
import { relay } from './relay.ts'

/** A host that somebody wanted to reach. */
export interface ReachedHost {
  /** The name that was asked for, in small letters; else the address. */
  readonly host: string
  /** Missing where the name was refused already. */
  readonly port?: number
  /** Datagrams are carried to nobody, whatever is allowed. Missing: TCP. */
  readonly protocol?: 'udp'
  readonly allowed: boolean
}

/** Who may reach what. */
export interface EgressOptions {
  /** Whether a host may be reached; without a port, whether it may at some port. */
  readonly allows: (host: string, port?: number) => boolean
  /** Called for each attempt, before anything is sent. Must not throw. */
  readonly onReached: (reached: ReachedHost) => void
  /** Names of addresses that programs know without asking, such as those in /etc/hosts: by address. */
  readonly known?: Readonly<Record<string, string>>
  /** Proxies of plain HTTP, as `host:port`: what is asked of them is judged by the host that is meant. */
  readonly proxies?: readonly string[]
}

/** A network whose only way out is this process. */
export interface EgressGateway extends AsyncDisposable {
  /** The network namespace, for an OCI runtime. */
  readonly path: string
  readonly nameserver: string
  /** Tells `onReached` of the datagrams that were rejected so far. @throws ProcessError */
  tellRefused(): Promise<void>
}

/**
 * Opens a network for programs that reach hosts through this process only: it answers their questions for names, and makes the
 * connections that they ask for itself (TCP over IPv4), in its own network, when the host is allowed. What else they send is rejected
 * at once: other datagrams by EPERM, IPv6 by ENETUNREACH.
 * A name gets an address of its own that means nothing elsewhere, so a connection tells which name it is for. Where it begins with TLS
 * that names another server, that name has to be allowed too. Nothing is left when it is closed, or when this process is killed.
 * @throws NetworkError CHANGE_FAILED
 */
export async function openEgress(options: EgressOptions): Promise<EgressGateway> {
  const network = await openCaptiveNetwork().catch((cause: unknown) => {
    throw new NetworkError(
      'CHANGE_FAILED',
      `Cannot watch over the network of a step: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause, hint: 'this needs "nft" 1.0 or later, and root or a user namespace' },
    )
  })
  const names = new EgressNames(options.known ?? {})
  const open = new Set<Socket>()
  const server = serveConnections(network.tcp, names, options, open)
  const questions = serveNames(network.udp, names, options)
  // The other one listens as soon as it has its descriptor.
  await once(server, 'listening')
  return {
    path: network.path,
    nameserver: captiveAddress,
    async tellRefused() {
      for (const { address, port } of await network.refused()) {
        options.onReached({ host: names.of(address).host, port, protocol: 'udp', allowed: false })
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await Promise.all([
        new Promise<void>((resolve) => server.close(() => resolve())),
        new Promise<void>((resolve) => questions.close(() => resolve())),
      ])
      network[Symbol.dispose]()
    },
  }
}

function serveConnections(fd: number, names: EgressNames, options: EgressOptions, open: Set<Socket>): Server {
  const { allows, onReached, proxies = [] } = options
  const keep = (socket: Socket): void => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => undefined)
  }
  const server = createServer({ allowHalfOpen: true }, (inside) => {
    keep(inside)
    try {
      const { address, port } = originalDestination(inside)
      const { host, target } = names.of(address)
      if (proxies.includes(`${host}:${String(port)}`)) {
        serveProxied(inside, { host: target ?? host, port }, { allows, onReached, keep })
        return
      }
      const allowed = target !== undefined && allows(host, port)
      onReached({ host, port, allowed })
      if (!allowed) inside.resetAndDestroy()
      else relay(inside, { host, target, port }, { allows, onReached, keep })
    } catch {
      // It was closed before it could be asked.
      inside.destroy()
    }
  })
  server.on('error', () => undefined)
  return server.listen({ fd })
}

function serveNames(
  fd: number,
  names: EgressNames,
  { allows, onReached, proxies = [] }: EgressOptions,
): DatagramSocket {
  const isProxy = (name: string): boolean => proxies.some((proxy) => proxy.startsWith(`${name}:`))
  const socket = createSocket('udp4')
  socket.on('error', () => undefined)
  socket.on('message', (message, { address, port }) => {
    const question = parseDnsQuestion(message)
    if (question === undefined) return
    const answer = (code: number, found?: string): void => {
      const bytes = encodeDnsAnswer(question, { code, ...(found === undefined ? {} : { address: found }) })
      socket.send(bytes, port, address, () => undefined)
    }
    const { name, type } = question
    if (name === '' || isIP(name) !== 0) return answer(dnsCode.noName)
    if (!allows(name) && !isProxy(name)) {
      if (type === typeA) onReached({ host: name, allowed: false })
      return answer(dnsCode.noName)
    }
    // Everything is reached over IPv4, whatever is beyond.
    if (type !== typeA) return answer(dnsCode.ok)
    names.find(name).then(
      (found) => (found === undefined ? answer(dnsCode.noName) : answer(dnsCode.ok, found)),
      () => answer(dnsCode.failed),
    )
  })
  socket.bind({ fd })
  return socket
}
