import { createServer, request as forward } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** A proxy on this machine. */
export interface TestProxy extends AsyncDisposable {
  /** `http://127.0.0.1:1234`. */
  readonly url: string
  /** What it was asked for: `CONNECT reg.example:443`, `GET http://reg.example/v2/`. */
  readonly asked: string[]
}

/** How a proxy behaves. */
export interface TestProxyOptions {
  /** The port of this machine that a host stands for; `undefined`: nobody is there. */
  readonly portOf: (host: string) => number | undefined
  /** What it wants as `Proxy-Authorization`. */
  readonly authorization?: string
}

/** Starts a proxy for plain requests and for tunnels, which leads every host to this machine. */
export async function testProxy({ portOf, authorization }: TestProxyOptions): Promise<TestProxy> {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const isAllowed = (given: string | undefined): boolean => authorization === undefined || given === authorization
  const server = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`)
    const url = URL.parse(incoming.url ?? '')
    const port = url === null ? undefined : portOf(url.host)
    if (!isAllowed(incoming.headers['proxy-authorization'])) return void response.writeHead(407).end()
    if (url === null || port === undefined) return void response.writeHead(502).end()
    const { 'proxy-authorization': _, ...headers } = incoming.headers
    const path = url.pathname + url.search
    const outgoing = forward({ host: '127.0.0.1', port, method: incoming.method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    incoming.pipe(outgoing)
  })
  server.on('connection', (socket) => sockets.add(socket))
  server.on('connect', (incoming, client: Socket) => {
    asked.push(`CONNECT ${incoming.url}`)
    const port = portOf((incoming.url ?? '').replace(/:443$/, ''))
    client.on('error', () => undefined)
    if (!isAllowed(incoming.headers['proxy-authorization'])) {
      return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    }
    if (port === undefined) return void client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    sockets.add(upstream)
    upstream.on('error', () => client.destroy())
    client.on('close', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}
