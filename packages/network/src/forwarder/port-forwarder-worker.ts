// The process that listens on published ports which the kernel does not lead to their container: `port-forwarder-worker SOCKET`. Who
// connects to the socket sends the whole list of ports, a line of JSON, and is answered with those that could not be taken.
import { rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { parseForwards, placeOf, type FailedForward, type Forward } from './forward-list.ts'
import { forwardTcp } from './forward-tcp.ts'
import { forwardUdp } from './forward-udp.ts'

const [socket = ''] = process.argv.slice(2)
const listening = new Map<string, { readonly forward: Forward; readonly server: Disposable }>()
let working: Promise<unknown> = Promise.resolve()

async function change(wanted: readonly Forward[]): Promise<readonly FailedForward[]> {
  const places = new Map(wanted.map((forward) => [placeOf(forward), forward]))
  for (const [place, { forward, server }] of listening) {
    const next = places.get(place)
    if (next?.ip === forward.ip && next.port === forward.port) continue
    server[Symbol.dispose]()
    listening.delete(place)
  }
  const failed: FailedForward[] = []
  for (const [place, forward] of places) {
    if (listening.has(place)) continue
    try {
      const server = await (forward.protocol === 'tcp' ? forwardTcp(forward) : forwardUdp(forward))
      listening.set(place, { forward, server })
    } catch (error) {
      failed.push({ forward, code: String((error as { code?: unknown }).code ?? error) })
    }
  }
  return failed
}

function serve(client: Socket): void {
  client.on('error', () => undefined)
  createInterface({ input: client }).on('line', (line) => {
    working = working.then(async () => {
      try {
        client.write(`${JSON.stringify(await change(parseForwards(line)))}\n`)
      } catch {
        client.destroy()
      }
    })
  })
}

process.on('SIGINT', () => undefined)
rmSync(socket, { force: true })
createServer(serve).listen(socket)
