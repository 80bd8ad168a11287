import type { IncomingMessage, Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { RelayOptions } from './relay.ts'

interface Proxy {
  readonly host: string
  readonly port: number
}

/**
 * Answers a connection to a proxy in its place: each request is judged by the host that is meant, and passed on to the proxy. Headers go
 * along as they are, the credentials for the proxy too.
 */
export function serveProxied(inside: Socket, proxy: Proxy, options: RelayOptions): void {
  proxyServer(proxy, options).emit('connection', inside)
}

function proxyServer(proxy: Proxy, { allows, onReached, keep }: RelayOptions): Server {
  const judge = (host: string, port: number): boolean => {
    const allowed = host !== '' && allows(host, port)
    onReached({ host, port, allowed })
    return allowed
  }
  // Not imported: that would load all that node:http exports, for every command.
  const { createServer, request } = process.getBuiltinModule('node:http')
  const server = createServer((incoming, outgoing) => {
    const url = URL.parse(incoming.url ?? '')
    if (url === null || !judge(url.hostname.toLowerCase(), Number(url.port || '80'))) {
      incoming.resume()
      outgoing.writeHead(403, { 'content-type': 'text/plain' }).end(`${url?.hostname ?? 'this'} is not allowed here\n`)
      return
    }
    const passed = request({
      ...proxy,
      method: incoming.method,
      path: url.href,
      headers: pairs(incoming, url.host),
      setHost: false,
    })
    passed.on('socket', keep)
    passed.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(outgoing)
      answer.on('error', () => outgoing.destroy())
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  server.on('connect', (incoming: IncomingMessage, inside: Socket, head: Buffer) => {
    const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(incoming.url ?? '') ?? []
    if (!judge(host.toLowerCase(), Number(port))) {
      inside.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')
      return
    }
    const outside = connect({ ...proxy, allowHalfOpen: true })
    keep(outside)
    const lines = [`CONNECT ${incoming.url ?? ''} HTTP/1.1`]
    for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
      lines.push(`${incoming.rawHeaders[at] ?? ''}: ${incoming.rawHeaders[at + 1] ?? ''}`)
    }
    outside.write(`${lines.join('\r\n')}\r\n\r\n`)
    outside.write(head)
    outside.on('error', () => inside.destroy())
    inside.on('error', () => outside.destroy())
    inside.on('close', () => outside.destroy())
    outside.on('close', () => inside.destroySoon())
    outside.pipe(inside)
    inside.pipe(outside)
  })
  return server
}

/** Header lines as they came, those of the connection itself left out. */
function pairs({ rawHeaders, headers }: IncomingMessage, host: string): string[] {
  const kept: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (!/^(?:connection|proxy-connection|keep-alive)$/i.test(name)) kept.push(name, rawHeaders[at + 1] ?? '')
  }
  // HTTP/1.0 says it in the address alone, and the request goes on as HTTP/1.1.
  if (headers.host === undefined) kept.push('host', host)
  return kept
}
